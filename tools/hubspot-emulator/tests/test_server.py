"""The emulator over a socket: faults that break connections, and its own endpoints."""

import httpx
import pytest

PATH = "/crm/objects/2026-03/contacts/batch/upsert"
ADA = {"inputs": [{"idProperty": "email", "id": "ada@example.com", "properties": {"phone": "1"}}]}


@pytest.fixture
def client(hubspot_emulator):
    headers = {"Authorization": "Bearer t"}
    with httpx.Client(base_url=hubspot_emulator.url, headers=headers, timeout=10) as client:
        yield client


def script(client, *faults):
    return client.post("/__emulator__/faults", json={"faults": list(faults)})


def written(client):
    return bool(client.get("/__emulator__/records?type=contacts").json()["records"])


@pytest.mark.parametrize(
    ("fault", "error", "lands"),
    [
        ("lost_reply,times=1", httpx.ReadError, True),
        ("reset,times=1", httpx.ReadError, False),
        ("refused,times=1", httpx.ReadError, False),
        ("cut,times=1", httpx.RemoteProtocolError, True),
    ],
)
def test_a_connection_really_breaks_and_the_next_one_works(client, fault, error, lands):
    script(client, fault)
    with pytest.raises(error):
        client.post(PATH, json=ADA)
    assert written(client) is lands
    assert client.post(PATH, json=ADA).status_code == 200


@pytest.mark.parametrize(("fault", "lands"), [("hang", True), ("late_write=60", False)])
def test_a_client_that_waits_in_vain_gives_up(client, fault, lands):
    script(client, fault)
    with pytest.raises(httpx.ReadTimeout):
        client.post(PATH, json=ADA, timeout=0.2)
    assert written(client) is lands
    client.post("/__emulator__/clock", json={"skip_seconds": 60})
    assert written(client)


def test_a_slow_answer_comes(client):
    script(client, "slow=0.2")
    response = client.post(PATH, json=ADA)
    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.2


def test_an_archive_answers_without_a_body(client):
    response = client.post("/crm/v3/objects/contacts/batch/archive", json={"inputs": []})
    assert (response.status_code, response.content) == (204, b"")


def test_faults_are_listed_added_as_objects_and_cleared(client):
    script(client, {"kind": "status", "status": 500, "times": 1})
    assert client.post(PATH, json=ADA).status_code == 500
    assert client.get("/__emulator__/faults").json() == [
        {"fault": {"kind": "status", "status": 500, "times": 1}, "seen": 1, "struck": 1}
    ]
    assert client.delete("/__emulator__/faults").json() == []


def test_of_several_faults_all_are_added_or_none(client):
    faults = {"faults": ["locked", "slow=soon"]}
    assert client.post("/__emulator__/faults", json=faults).status_code == 400
    assert client.get("/__emulator__/faults").json() == []


def test_records_histories_and_calls_can_be_seen(client):
    client.post(PATH, json=ADA)
    record = client.get("/__emulator__/records?type=0-1").json()["records"][0]
    history = client.get(f"/__emulator__/history?id={record['id']}").json()["history"]
    calls = client.get("/__emulator__/calls").json()["calls"]
    assert record["properties"] == {"email": "ada@example.com", "phone": "1"}
    assert [(each["property"], each["value"]) for each in history] == [
        ("email", "ada@example.com"),
        ("phone", "1"),
    ]
    assert [(call["operation"], call["inputs"], call["status"]) for call in calls] == [
        ("upsert", 1, 200)
    ]


def test_records_can_be_made_changed_and_merged_behind_the_apis_back(client):
    records = "/__emulator__/records"
    ids = [
        client.post(records, json={"type": "contacts", "properties": {"email": email}}).json()["id"]
        for email in ("a@example.com", "b@example.com")
    ]
    changed = {"type": "contacts", "id": ids[0], "properties": {"phone": "2"}}
    client.post(records, json=changed)
    merge = {"type": "contacts", "survivor": ids[0], "away": ids[1]}
    client.post("/__emulator__/merge", json=merge)
    assert [r["properties"] for r in client.get(f"{records}?type=contacts").json()["records"]] == [
        {"email": "a@example.com", "phone": "2", "hs_additional_emails": "b@example.com"}
    ]


def test_switches_limits_and_tokens_can_be_changed(client):
    switches = client.post("/__emulator__/switches", json={"success_code": "200"}).json()
    limits = client.post("/__emulator__/limits", json={"per_10_seconds": 5, "daily": 9}).json()
    client.post("/__emulator__/expire", json={"token": "t"})
    assert switches["success_code"]["setting"] == "200"
    assert limits == {"per_10_seconds": 5, "daily": 9}
    assert client.post(PATH, json=ADA).status_code == 401
    client.post("/__emulator__/reset")
    assert client.post(PATH, json=ADA).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("GET", "history?id=404", None, 404),
        ("GET", "records?type=butterflies", None, 404),
        ("GET", "records", None, 400),
        ("POST", "faults", {"faults": ["meteor"]}, 400),
        ("POST", "faults", {"faults": [{"kind": "meteor"}]}, 400),
        ("POST", "switches", {"colour": "red"}, 400),
        ("POST", "switches", ["red"], 400),
        ("POST", "limits", {"daily": -1}, 400),
        ("POST", "clock", {"skip_seconds": 1e15}, 400),
        ("POST", "merge", {"type": "contacts", "survivor": "1", "away": "1"}, 400),
    ],
)
def test_a_mistake_is_answered_with_its_reason(client, method, path, body, status):
    response = client.request(method, f"/__emulator__/{path}", json=body)
    assert response.status_code == status
    assert response.json()["error"]


def test_what_is_not_there_is_named(client):
    missing = client.get("/__emulator__/history?id=404").json()
    assert missing == {"error": "there is no record 404"}
