import pytest

from hubsync.core.payloads.source import Signature, Source, load_source, load_sources
from hubsync.core.signatures.schemes import SCHEMES, Scheme
from hubsync.errors import Misconfigured

SIGNED = """
[signature]
scheme = "standard-webhooks"
secret = "webhooks/changes"
"""


def a_file(folder, text, name="changes.toml"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_source_is_its_file_and_takes_the_files_name(tmp_path):
    path = a_file(tmp_path, f'account = "main"\nproperties_allowed = ["firstname"]\n{SIGNED}')
    assert load_source(path) == Source(
        name="changes",
        account="main",
        properties_allowed=frozenset({"firstname"}),
        signature=Signature(
            scheme="standard-webhooks", secret="webhooks/changes", tolerance_seconds=300
        ),
    )


def test_a_folder_holds_a_source_in_each_toml_file(tmp_path):
    for name in ("shop.toml", "crm.toml", "notes.txt"):
        a_file(tmp_path, f'account = "main"\n{SIGNED}', name)
    assert list(load_sources(tmp_path)) == ["crm", "shop"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("account = ", "Invalid value"),
        (SIGNED, "account"),
        ('account = "main"', "signature"),
        (f'account = ""\n{SIGNED}', "account"),
        (f'account = "m\u00fcnchen"\n{SIGNED}', "account"),
        (f'account = "a b"\n{SIGNED}', "account"),
        (f'account = "{"x" * 65}"\n{SIGNED}', "account"),
        (f'account = "main"\ncolour = "red"\n{SIGNED}', "colour"),
        (f'account = "main"\n{SIGNED}salt = 1', "salt"),
        (f'account = "main"\n{SIGNED.replace("standard-webhooks", "none")}', "scheme"),
        (f'account = "main"\n{SIGNED.replace("webhooks/changes", "hubspot/main")}', "secret"),
        (f'account = "main"\n{SIGNED.replace("webhooks/changes", "webhooks/")}', "secret"),
        (f'account = "main"\n{SIGNED}tolerance_seconds = 0', "tolerance_seconds"),
        (f'account = "main"\n{SIGNED}tolerance_seconds = 3601', "tolerance_seconds"),
        (f'account = "main"\n{SIGNED}tolerance_seconds = "300"', "tolerance_seconds"),
    ],
)
def test_a_mistake_in_a_source_names_the_file_and_the_field(tmp_path, text, complaint):
    with pytest.raises(Misconfigured) as caught:
        load_source(a_file(tmp_path, text))
    assert str(caught.value).startswith("changes.toml: ")
    assert complaint in str(caught.value)


def test_a_sources_name_is_fit_for_a_path(tmp_path):
    with pytest.raises(Misconfigured, match="name"):
        load_source(a_file(tmp_path, f'account = "main"\n{SIGNED}', "A b.toml"))


HMAC = """
account = "main"
[signature]
scheme = "hmac"
secret = "webhooks/shop"
header = "X-Shop-Signature"
"""


def test_an_hmac_of_any_header_is_described_by_its_source(tmp_path):
    text = f"""{HMAC}
algorithm = "sha512"
encoding = "base64"
prefix = "sha512="
timestamp_header = "X-Shop-Timestamp"
timestamp_unit = "milliseconds"
signed = "{{timestamp}}.{{body}}"
"""
    assert load_source(a_file(tmp_path, text, "shop.toml")).signature.rules == Scheme(
        header="x-shop-signature",
        algorithm="sha512",
        encoding="base64",
        prefix="sha512=",
        timestamp_header="x-shop-timestamp",
        timestamp_unit="milliseconds",
        signed="{timestamp}.{body}",
    )


def test_an_hmac_in_a_list_with_an_id_and_a_date_is_described_by_its_source(tmp_path):
    text = f"""{HMAC}
item = "v1"
prefix = "x-"
timestamp_item = "t"
timestamp_unit = "rfc3339"
id_header = "X-Shop-Id"
signed = "{{id}}.{{timestamp}}.{{body}}"
secret_encoding = "base64"
"""
    assert load_source(a_file(tmp_path, text, "shop.toml")).signature.rules == Scheme(
        header="x-shop-signature",
        takes_upper_case=True,
        prefix="v1=x-",
        separator=",",
        timestamp_item="t=",
        timestamp_unit="rfc3339",
        id_header="x-shop-id",
        signed="{id}.{timestamp}.{body}",
        secret_encoding="base64",
    )


def test_a_token_is_described_by_its_source(tmp_path):
    text = 'account = "main"\n[signature]\nscheme = "token"\nsecret = "webhooks/logs"\n'
    rules = load_source(a_file(tmp_path, f'{text}prefix = "Bearer "')).signature.rules
    assert rules == Scheme(header="authorization", prefix="Bearer ", is_token=True)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_a_named_scheme_needs_nothing_but_its_secret(tmp_path, scheme):
    text = f'account = "main"\n{SIGNED.replace("standard-webhooks", scheme)}'
    assert load_source(a_file(tmp_path, text)).signature.rules == SCHEMES[scheme]


def test_the_address_that_hubspot_calls_can_be_told(tmp_path):
    signed = SIGNED.replace("standard-webhooks", "hubspot-v3")
    text = f'account = "main"\n{signed}url = "https://hooks.example.com/crm/webhooks/changes"'
    url = "https://hooks.example.com/crm/webhooks/changes"
    assert load_source(a_file(tmp_path, text)).signature.rules.url == url


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HMAC.replace("header", "headers"), "header"),
        (f'{HMAC}algorithm = "md5"', "algorithm"),
        (f'{HMAC}encoding = "base32"', "encoding"),
        (f'{HMAC}prefix = "a b"', "prefix"),
        (f'{HMAC}signed = "nothing"', "{body}"),
        (f'{HMAC}signed = "{{body}}{{body}}"', "{body}"),
        (f'{HMAC}signed = "{{body}}{{url}}"', "{body}"),
        (f'{HMAC}signed = "{{timestamp}}.{{body}}"', "{body}"),
        (f'{HMAC}timestamp_header = "X-Time"', "{body} and {timestamp}"),
        (f'{HMAC}id_header = "X-Id"', "{body} and {id}"),
        (f'{HMAC}timestamp_item = "t"\nsigned = "{{timestamp}}{{body}}"', "say item"),
        (f'{HMAC}item = "t"\ntimestamp_item = "t"\nsigned = "{{timestamp}}{{body}}"', "differ"),
        (
            f'{HMAC}item = "v1"\ntimestamp_item = "t"\ntimestamp_header = "X-Time"',
            "exclude each other",
        ),
        (f'{HMAC}secret_encoding = "base32"', "secret_encoding"),
        (f'{HMAC}timestamp_unit = "days"', "timestamp_unit"),
        (f'account = "main"\n{SIGNED}header = "X-Signature"', "header"),
        (f'account = "main"\n{SIGNED}url = "https://example.com"', "url"),
    ],
)
def test_what_would_leave_something_unsigned_is_a_mistake(tmp_path, text, complaint):
    with pytest.raises(Misconfigured) as caught:
        load_source(a_file(tmp_path, text))
    assert complaint in str(caught.value)
