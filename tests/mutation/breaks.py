"""One deliberate break for each rule that matters, and the test that must notice it."""

from typing import NamedTuple

HUBSYNC = "layers/hubsync/python/hubsync"


class Break(NamedTuple):
    rule: str
    file: str  # below the package
    text: str  # stands there exactly once
    replacement: str
    noticed_by: str  # a test, below tests/


BREAKS = (
    Break(
        "merging keeps the readings of every event",
        "core/change.py",
        "merged(*some) for name",
        "some[-1] for name",
        "unit/core/test_change.py::test_coalescing_leaves_one_change_for_each_record",
    ),
    Break(
        "a reading that is already written is not written again",
        "core/records/entry.py",
        "version <= synced",
        "version < synced",
        "unit/core/records/test_entry.py::test_an_upsert_repeated_after_it_was_written_is_superseded_whole",
    ),
    Break(
        "a record that is not clean lets no event go",
        "core/records/entry.py",
        "if entry.clean and all(",
        "if all(",
        "unit/core/records/test_entry.py::"
        "test_an_event_that_is_not_new_still_waits_for_a_record_that_is_not_clean",
    ),
    Break(
        "what may be in HubSpot already stays pending under what is newer",
        "core/records/entry.py",
        "pending[name] = (newest, *known)",
        "pending[name] = (newest,)",
        "unit/core/records/test_entry.py::test_acquiring_lays_on_top_of_what_may_be_in_hubspot_already",
    ),
    Break(
        "a lease is given back",
        "core/records/entry.py",
        "        lease_until=NO_LEASE,\n",
        "",
        "unit/test_consume.py::test_a_late_event_does_not_overwrite_a_newer_reading",
    ),
    Break(
        "an ambiguous answer leaves the lease to run out",
        "core/records/settle.py",
        "leased.doubt(code)",
        "leased.halt(code)",
        "unit/test_consume.py::test_a_lost_reply_leaves_the_lease_to_run_out_and_is_asserted_again",
    ),
    Break(
        "every round is committed before it is sent",
        "writer/rounds.py",
        "await self._commit(groups.pop(0))",
        "groups.pop(0)",
        "unit/test_consume.py::test_every_round_is_in_the_ledger_before_it_is_sent",
    ),
    Break(
        "what is refused after a doubt is looked for first",
        "core/records/settle.py",
        "elif leased.contradicts(item.readings):",
        "elif not item.readings:",
        "unit/test_no_answer.py::test_what_is_refused_although_it_is_there_since_a_doubt_is_written",
    ),
    Break(
        "silence is not success",
        "core/hubspot/batch_api.py",
        "return Answered({**confirmed, **failed})",
        "return Answered({**{i.trace_id: Confirmed(None) for i in batch.inputs}, **failed})",
        "unit/core/hubspot/test_batch_api.py::test_silence_is_not_success",
    ),
    Break(
        "a refusal that names nobody is searched for the guilty event",
        "core/records/leased_record.py",
        "elif not self.is_of_one_event(sent):",
        "elif not sent:",
        "unit/test_consume.py::"
        "test_a_guilty_event_merged_with_innocent_ones_stands_alone_in_the_end",
    ),
    Break(
        "a refused event keeps its word that the record exists",
        "core/records/leased_record.py",
        "self._of_events(events, but=ARCHIVED)",
        "self._of_events(events)",
        "unit/core/records/test_leased_record.py::"
        "test_an_unnamed_refusal_of_one_event_refuses_it_whole_with_all_its_readings",
    ),
    Break(
        "the rest of a record goes before what lay under a refused value",
        "core/records/leased_record.py",
        "if name != ARCHIVED and name in self.open and self.open[name][0].version < version",
        "if name not in self.open",
        "unit/core/records/test_leased_record.py::"
        "test_a_named_property_is_dropped_and_its_older_reading_waits_for_the_rest",
    ),
    Break(
        "a fault of the property itself is a fault of all its values",
        "core/records/leased_record.py",
        "reason.properties[name] in PROPERTY_FAULTS",
        "not name",
        "unit/core/records/test_leased_record.py::"
        "test_a_fault_of_the_property_itself_refuses_all_its_readings_at_once",
    ),
    Break(
        "an archive waits for an upsert between it and a written value",
        "core/records/leased_record.py",
        "self.archive_waits = not expired(newest.version.event)",
        "self.archive_waits = False",
        "unit/test_consume.py::test_an_upsert_between_an_archive_and_a_newer_update_is_waited_for",
    ),
    Break(
        "only the record that the key means is archived",
        "core/records/read_back.py",
        "case ShownRecord() if not is_own(leased.record, shown):",
        "case ShownRecord() if leased.in_doubt:",
        "unit/test_consume.py::"
        "test_a_record_that_a_person_merged_into_another_is_not_archived_by_its_old_id",
    ),
    Break(
        "only a read that finds nothing vouches for an archive",
        "writer/rounds.py",
        "in await self._find(route, [leased for leased, _ in sent]):",
        "in [(leased, None) for leased, _ in sent]:",
        "unit/test_consume.py::"
        "test_an_archive_that_hubspot_keeps_silent_about_is_not_taken_for_done",
    ),
    Break(
        "a definite answer ends doubts",
        "core/records/leased_record.py",
        "self.entry._replace(doubts=0, doubted_at=0, others_written=False)",
        "self.entry",
        "unit/core/records/test_leased_record.py::test_a_definite_answer_ends_doubts_before_the_next_round_is_sent",
    ),
    Break(
        "only what is in hand is given up without an answer",
        "core/records/read_back.py",
        "if in_hand(r.version.event)}",
        "if r}",
        "unit/test_no_answer.py::"
        "test_what_is_pending_of_an_event_that_is_not_in_hand_is_not_given_up",
    ),
    Break(
        "what was refused of an event is not tried again",
        "consume.py",
        "if name not in refused}",
        "if name}",
        "unit/test_consume.py::test_what_was_refused_of_an_event_is_not_tried_again",
    ),
    Break(
        "a missing record is waited for from the event's own first miss",
        "consume.py",
        "delivery.marks.missing_since or self._now",
        "parcel.received_at",
        "unit/test_consume.py::"
        "test_an_update_waits_for_its_record_from_its_own_first_miss_whatever_the_backlog",
    ),
    Break(
        "the search for a guilty input goes on where it was left",
        "writer/writer.py",
        "BATCH_INPUTS_MAX >> entry.split or 1",
        "BATCH_INPUTS_MAX",
        "unit/test_consume.py::test_a_search_by_halves_goes_on_in_the_next_invocation",
    ),
    Break(
        "an answer's silence is remembered",
        "core/records/entry_codec.py",
        'LeftOut(*fields["u"]) if "u" in fields else None',
        "None",
        "unit/test_consume.py::"
        "test_silence_is_remembered_where_the_time_ends_before_the_record_is_read_back",
    ),
    Break(
        "silence about one input says nothing of another",
        "core/records/leased_record.py",
        "last is not None and last.trace_id == trace_id and",
        "last is not None and",
        "unit/test_consume.py::test_silence_about_one_input_says_nothing_of_what_came_since",
    ),
    Break(
        "verdicts after a doubt are recorded before a further round",
        "core/records/leased_record.py",
        "return self._unrecorded or bool(self._uncommitted())",
        "return bool(self._uncommitted())",
        "unit/core/records/test_leased_record.py::test_a_definite_answer_ends_doubts_before_the_next_round_is_sent",
    ),
    Break(
        "good events get out from the fourth doubt on",
        "core/records/entry.py",
        "apart=entry.apart or doubts >= DOUBTS_APART_MIN",
        "apart=entry.apart",
        "unit/core/records/test_entry.py::test_events_of_a_record_go_apart_from_the_fourth_doubt_on",
    ),
    Break(
        "a required property that is missing is waited for",
        "core/records/settle.py",
        "if _lacks_required(reason, item):",
        "if reason is None:",
        "unit/core/records/test_settle.py::"
        "test_a_required_property_that_was_not_sent_is_waited_for_as_a_record_is",
    ),
    Break(
        "a refused read is searched for the guilty id",
        "writer/read_back.py",
        "return len(ids) > 1 and refused.reason.code not in REQUEST_FAULTS",
        "return False",
        "unit/writer/test_read_back.py::"
        "test_a_read_refused_whole_is_halved_until_the_guilty_id_stands_alone",
    ),
    Break(
        "what a read leaves out is read once more, alone",
        "writer/read_back.py",
        "found.update(await find(read, [id_]))",
        "found[id_] = NotApplied(READ_UNANSWERED)",
        "unit/writer/test_read_back.py::test_what_an_answer_leaves_out_is_read_once_more_alone",
    ),
    Break(
        "a doubt that kept out what is missing does not count as waiting for it",
        "core/records/leased_record.py",
        "        if not self._doubted:\n            events =",
        "        if self.open:\n            events =",
        "unit/test_consume.py::"
        "test_the_wait_for_a_record_begins_anew_after_a_doubt_that_kept_its_upsert_out",
    ),
    Break(
        "an upsert whose values were covered keeps its record",
        "core/records/leased_record.py",
        "if any(each.version.event in self._covered for _, each in words):",
        "if not word:",
        "unit/test_consume.py::test_an_upsert_whose_values_were_covered_keeps_its_record[400]",
    ),
    Break(
        "an archive is not refused for what an upsert lacks",
        "core/records/leased_record.py",
        "for event in events - archives if expired(event)",
        "for event in events if expired(event)",
        "unit/core/records/test_leased_record.py::"
        "test_an_archive_is_not_refused_for_what_a_newer_upsert_of_its_record_lacks",
    ),
    Break(
        "a key refused alone goes with the older values that are left",
        "core/records/leased_record.py",
        "elif self.held:",
        "elif self.halted:",
        "unit/test_consume.py::test_a_key_refused_alone_is_tried_again_with_an_older_value[400]",
    ),
    Break(
        "a record is released when it is done",
        "writer/rounds.py",
        "            await self._release(group)\n",
        "",
        "unit/test_consume.py::test_a_settled_record_is_free_while_its_neighbour_has_more_rounds",
    ),
    Break(
        "an event is done only once its dead letter is confirmed",
        "consume.py",
        "        if name not in sent:\n            delivery.outcome = _UNCONFIRMED\n",
        "        assert name\n",
        "unit/test_consume.py::test_a_dead_letter_that_is_not_confirmed_keeps_its_event_open",
    ),
    Break(
        "a malformed event leaves its neighbours alone",
        "core/message.py",
        "if not alone:",
        "if not wires:",
        "unit/core/test_message.py::test_a_malformed_event_leaves_its_neighbours_alone",
    ),
    Break(
        "a signature from the future is refused",
        "core/signatures/verify.py",
        "abs(now - second)",
        "(now - second)",
        "unit/core/signatures/test_verify.py::test_what_is_too_old_or_from_the_future_is_refused",
    ),
    Break(
        "a signature is over the timestamp, too",
        "core/signatures/schemes.py",
        'signed="v0:{timestamp}:{body}"',
        'signed="v0:{body}"',
        "unit/core/signatures/test_schemes.py::test_a_known_answer_verifies",
    ),
    Break(
        "a second timestamp is somebody else's",
        "core/signatures/verify.py",
        "if len(found) != 1 or not",
        "if not",
        "unit/core/signatures/test_schemes.py::test_what_is_not_exactly_a_signature_of_the_scheme_is_refused",
    ),
    Break(
        "an empty secret signs nothing",
        "core/signatures/keys.py",
        "    if not secret:\n",
        "    if secret is None:\n",
        "unit/core/signatures/test_keys.py::test_what_is_no_secret_of_the_scheme_is_the_operators_mistake",
    ),
    Break(
        "a public key verifies its own kind of signature alone",
        "core/signatures/keys.py",
        "if scheme.public_prefix and secret.startswith(_PUBLIC):",
        "if not scheme:",
        "unit/core/signatures/test_keys.py::test_who_has_the_public_key_can_verify_and_not_sign",
    ),
    Break(
        "nothing is sent that could not be answered in time",
        "writer/invocation.py",
        ">= SEND_SECONDS_LEFT_MIN",
        ">= 0",
        "unit/test_consume.py::test_nothing_is_sent_with_less_than_45_seconds_left",
    ),
    Break(
        "what a mapping finds nothing for is left alone",
        "core/payloads/mapper.py",
        "for name, value in found.items() if value is not None}",
        "for name, value in found.items()}",
        "unit/core/payloads/test_mapping.py::"
        "test_null_and_absence_leave_a_property_alone_unless_the_mapping_says_otherwise",
    ),
    Break(
        "an invalid event is ignored alone",
        "core/payloads/unvalidated.py",
        "            faults += found\n            continue\n",
        "            faults += found\n            break\n",
        "unit/core/payloads/test_mapping.py::"
        "test_where_invalid_events_are_ignored_the_valid_ones_beside_them_are_taken",
    ),
    Break(
        "an event says which values it lacks",
        "core/payloads/unvalidated.py",
        "_marks([*known, *invalid])",
        "_marks(known)",
        "unit/test_drafts.py::test_an_invalid_value_costs_its_property_alone",
    ),
    Break(
        "what could not be made is kept before the answer",
        "ingest.py",
        "    if taken.unmade:\n",
        "    if taken.unmade and not taken.encoded:\n",
        "unit/test_ingest.py::test_a_payload_is_kept_of_which_an_event_cannot_be_made",
    ),
    Break(
        "no header that proves who sent it is kept",
        "core/kept_payload.py",
        "_SECRET_HEADERS.union(signed_by)",
        "_SECRET_HEADERS",
        "unit/test_ingest.py::test_no_header_that_proves_who_sent_it_is_kept",
    ),
    Break(
        "headers of both kinds are not mixed",
        "core/signatures/schemes.py",
        "if scheme.also_called is None or scheme.header in headers:",
        "if scheme.also_called is None:",
        "unit/test_signers.py::test_names_of_both_kinds_are_not_mixed",
    ),
    Break(
        "a token is the whole of its header",
        "core/signatures/keys.py",
        "hmac.compare_digest(token, _digest(offered))",
        "hmac.compare_digest(token, _digest(offered[: len(scheme.prefix) + len(key.key)]))",
        "unit/test_signers.py::test_what_is_not_exactly_the_token_is_refused",
    ),
    Break(
        "what a mapping costs is counted",
        "core/payloads/jmespath_evaluation.py",
        "        self.steps_left -= steps\n",
        "        assert steps >= 0\n",
        "unit/core/payloads/test_jmespath_expression.py::test_work_grows_with_the_payload_and_ends_with_the_budget",
    ),
    Break(
        "core reads no clock",
        "core/backoff.py",
        "from hubsync.core.limits",
        "import time\nfrom hubsync.core.limits",
        "contract/test_architecture.py::test_core_imports_itself_and_what_decides_without_effects",
    ),
    Break(
        "a key that stands twice is refused",
        "core/json_codec.py",
        '_measure(value, form) != bare.count(b":")',
        '_measure(value, form) > bare.count(b":")',
        "unit/core/test_json_codec.py::test_what_the_standard_parser_is_lax_about_is_refused",
    ),
    Break(
        "a CloudEvent's id and time are not changed by its data",
        "core/payloads/cloud_events.py",
        "if fields.get(name, value) != value",
        "if not value",
        "unit/core/payloads/test_cloud_events.py::"
        "test_what_breaks_a_rule_is_refused_with_a_pointer_into_the_envelope",
    ),
    Break(
        "a CloudEvent's time is never taken from its data",
        "core/payloads/cloud_events.py",
        "if name not in _RENAMED} | own",
        "} | own",
        "unit/core/payloads/test_cloud_events.py::test_an_id_or_a_time_is_never_taken_from_the_data",
    ),
    Break(
        "characters that SQS refuses travel as escapes",
        "core/message.py",
        '.replace(b"\\xef\\xbf\\xbf", rb"\\uffff")',
        "",
        "unit/core/test_message.py::test_an_event_with_any_odd_character_is_refused_or_passes_sqs",
    ),
    Break(
        "the process that has waited longest for a slot comes first",
        "writer/rate_limiter.py",
        "first = min(now + ahead + aged, in_time)",
        "first = latest",
        "unit/writer/test_rate_limiter.py::test_a_process_whose_clock_is_behind_gets_its_share",
    ),
    Break(
        "a permit takes no longer than it may",
        "writer/rate_limiter.py",
        "asyncio.timeout(wait)",
        "asyncio.timeout(None)",
        "unit/writer/test_rate_limiter.py::"
        "test_a_budget_that_answers_late_makes_no_permit_take_longer_than_it_may",
    ),
    Break(
        "a probe that is not made leaves no mark",
        "core/hubspot/rate_budget.py",
        "paused_until=min(budget.paused_until, slot)",
        "paused_until=budget.paused_until",
        "unit/writer/test_rate_limiter.py::test_a_probe_that_is_not_made_leaves_no_mark",
    ),
    Break(
        "a schedule left far ahead by a wrong clock heals",
        "core/hubspot/rate_budget.py",
        "AHEAD_SLOTS_MAX * interval):\n        start = now",
        "AHEAD_SLOTS_MAX * interval):\n        pass",
        "unit/writer/test_rate_limiter.py::test_a_schedule_that_a_wrong_clock_left_far_ahead_heals",
    ),
    Break(
        "a Retry-After is believed up to a day",
        "core/hubspot/batch_api.py",
        "min(max(0.0, seconds), RETRY_AFTER_SECONDS_MAX)",
        "max(0.0, seconds)",
        "unit/core/hubspot/test_batch_api.py::test_what_is_no_verdict_on_the_inputs_says_how_to_go_on",
    ),
    Break(
        "the sweep does not pass over what it had no time for",
        "sweep.py",
        "start if again else next_start",
        "next_start",
        "unit/test_sweep.py::test_what_there_was_no_time_for_is_found_by_the_next_run",
    ),
    Break(
        "a record with nothing to look at leaves the audit's index",
        "audit.py",
        "if entry.watched_until and not entry.lease_until",
        "if False",
        "unit/test_audit.py::test_records_with_nothing_to_look_at_do_not_stay_in_the_index",
    ),
    Break(
        "keys left over are asked for while some come",
        "edge/ledger.py",
        'in_vain = 0 if len(left["Keys"]) < len(wanted) else in_vain + 1',
        "in_vain += 1",
        "integration/edge/test_ledger.py::test_keys_left_over_are_asked_for_as_long_as_some_come",
    ),
    Break(
        "the order of batches changes from turn to turn",
        "core/hubspot/batch.py",
        'f"{turn}#{record.id}"',
        "record.id",
        "unit/core/hubspot/test_batch.py::"
        "test_records_stand_in_another_order_in_each_turn_which_is_the_same_for_all",
    ),
)
