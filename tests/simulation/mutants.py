"""One deliberate break of the shipped code for each part of the write protocol.

Each is a file, the text that goes, and what comes in its place. The simulation must notice every
one; docs/write-protocol.md tells what each part is for.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is left out, and how; the search begins at a seed that has shown it before."""

    part: str
    edits: tuple[tuple[str, str, str], ...]
    seed: int = 0


_UNCOMMITTED = (
    "return {name: r for name, r in self.due().items() if r not in pending.get(name, ())}"
)

MUTANTS = (
    Mutant(
        "the lease",
        (
            (
                "core/records/entry.py",
                "return Triage.LEASED if entry.lease_until > now else Triage.DUE",
                "return Triage.DUE",
            ),
        ),
        seed=107,
    ),
    Mutant(
        "not trusting the receive count",
        (
            (
                "consume.py",
                "        said = readings(envelope.source, event)\n",
                (
                    "        newer = 10**9 if message.receives == 1 else 0\n"
                    "        event = event.model_copy("
                    'update={"occurred_at": event.occurred_at + newer})\n'
                    "        said = readings(envelope.source, event)\n"
                ),
            ),
        ),
        seed=1,
    ),
    Mutant(
        "intent before the write",
        (
            ("core/records/entry.py", "pending[name] = (newest, *known)", "pass"),
            (
                "core/records/leased_record.py",
                "after = ledger.laid_on_top(self.entry, self._uncommitted(), rev=rev)",
                "after = self.entry",
            ),
            (
                "core/records/leased_record.py",
                _UNCOMMITTED,
                "return {}",
            ),
        ),
        seed=23,
    ),
    Mutant(
        "older pending readings kept under a newer one",
        (
            (
                "core/records/entry.py",
                "pending[name] = (newest, *known)",
                "pending[name] = (newest,)",
            ),
        ),
        seed=461,
    ),
    Mutant(
        "committing each round",
        (
            (
                "core/records/leased_record.py",
                _UNCOMMITTED,
                "return {}",
            ),
        ),
        seed=209,
    ),
    Mutant(
        "keeping what is pending on a refusal for now",
        (
            (
                "core/records/entry.py",
                "rev=rev, lease_until=NO_LEASE, due_at=now)",
                "rev=rev, lease_until=NO_LEASE, due_at=now, pending={})",
            ),
        ),
        seed=277,
    ),
    Mutant(
        "skipping only what HubSpot vouched for",
        (
            (
                "core/records/entry.py",
                "if entry.clean and all(\n        entry.dominates(name, reading)\n",
                (
                    "if all(\n        entry.dominates(name, reading)"
                    " or any(reading <= held for held in entry.pending.get(name, ()))\n"
                ),
            ),
        ),
    ),
    Mutant(
        "holding the lease on an ambiguous outcome",
        (("core/records/settle.py", "leased.doubt(code)", "leased.halt(code)"),),
        seed=2,
    ),
    Mutant(
        "a lease that outlives late writes",
        (
            (
                "writer/invocation.py",
                "lease_seconds = seconds + policy.late_write_seconds + LEASE_MARGIN_SECONDS",
                "lease_seconds = seconds",
            ),
        ),
        seed=463,
    ),
    Mutant(
        "sending all pending readings",
        (
            (
                "core/records/leased_record.py",
                "names = {**entry.pending, **change.readings}",
                "names = change.readings",
            ),
        ),
        seed=27,
    ),
    Mutant(
        "keeping entries for ever",
        (
            (
                "core/records/entry.py",
                "rev=rev,\n        lease_until=NO_LEASE,",
                "synced={}, archived=False,\n        rev=rev,\n        lease_until=NO_LEASE,",
            ),
        ),
    ),
    Mutant(
        "the sweep",
        (
            (
                "sweep.py",
                "leased_records, left = await reassert(records, invocation)",
                "leased_records, left = await reassert([], invocation)",
            ),
        ),
        seed=27,
    ),
    Mutant(
        "waiting for a required property that was not sent",
        (("core/records/settle.py", "if _lacks_required(reason, item):", "if not item.readings:"),),
    ),
)
