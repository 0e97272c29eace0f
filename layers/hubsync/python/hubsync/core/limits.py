"""Every bound, its reason, and how bounds relate. Sizes are bytes unless a name says characters."""

# Requests
BODY_BYTES_MAX = 1_048_576  # Ours: far above any webhook; Lambda's own cap is 6 MB.
EVENTS_PER_REQUEST_MAX = 1_000
JSON_DEPTH_MAX = 32
JSON_NODES_PER_EVENT_MAX = 10_000
# Of a body that a mapping picks a few of. A shop's order with 250 lines has some 20,000 of them.
JSON_NODES_PER_PAYLOAD_MAX = 131_072
JSON_NUMBER_CHARACTERS_MAX = 1_000
# One for each 8 bytes of the largest body: an event with a list in each property has fewer.
JSON_CONTAINERS_MAX = BODY_BYTES_MAX // 8
SIGNATURES_MAX = 16  # In one header: a sender that rotates sends one for each secret.
PUBLIC_SIGNATURES_MAX = 4  # Measured: one costs 7 ms with a body of 1 MiB.
SIGNATURE_HEADER_CHARACTERS_MAX = 4_096  # Ours: twenty signatures take half of it.
TOKEN_CHARACTERS_MIN = 32  # Ours: it is sent whole with each request, and nothing else protects it.
MAPPING_STEPS_MAX = 250_000  # In expressions, for one payload: 1,000 elements with 80 paths each.
VALUES_PER_TABLE_MAX = 1_000  # Ours: HubSpot's longest lists of choices are countries.
CLOCK_SKEW_SECONDS_MAX = 300  # An event from further ahead would win against all that follow.

# Change events
EVENT_BYTES_MAX = 240 * 1024  # As encoded in its message: a text of 65,536 characters takes 192 KB.
EVENT_ID_CHARACTERS_MAX = 256
ID_CHARACTERS_MAX = 512  # Ours: of a record; 100 of them leave a transaction room for values.
PROPERTIES_MAX = 250
PROPERTY_NAME_CHARACTERS_MAX = 100
VALUE_CHARACTERS_MAX = 65_536  # Documented: the longest text property HubSpot has.
NUMBER_CHARACTERS_MAX = 32  # In plain form, so 1e400 is not written out.
SEQUENCE_MAX = 2**63 - 1

# Messages
MESSAGE_BYTES_MAX = 64 * 1024  # Documented: SQS bills one request for each 64 KB.
UNKNOWN_MAX = 100  # Members that no rule knows, told in an answer.
SQS_ENTRIES_MAX = 10  # Documented: SendMessageBatch and ChangeMessageVisibilityBatch.
SQS_REQUEST_BYTES_MAX = 1_048_576  # Documented: all entries of one SendMessageBatch together.
LETTER_BYTES_MAX = SQS_REQUEST_BYTES_MAX - 8 * 1024  # Leaves room for what a dead letter says.
FAULTS_KEPT_MAX = 20  # Of a payload that is kept: more of them say the same.
DELAY_SECONDS_MAX = 900  # Documented: DelaySeconds.
TRIES_MAX = 390  # Below the queue's 400 receives, so that the consumer can say why it gave up.

# HubSpot
BATCH_INPUTS_MAX = 100  # Documented: object API guide, "limited to 100 inputs per request".
BATCH_BYTES_MAX = 3_000_000  # Ours: HubSpot publishes no bound; it answers 413 beyond its own.
TRACE_ID_CHARACTERS_MAX = 64  # Ours: HubSpot publishes none, and ids of 36 are in use.
CALL_SECONDS_MAX = 40  # The whole call; httpx's own read timeout starts anew at each read.
TOKEN_SECONDS_MAX = 10  # Of those, until there is a token: Secrets Manager, or a renewal.
RETRY_AFTER_SECONDS_MAX = 86_400  # Ours: a day; HubSpot's longest documented wait is a migration's.
CONNECT_SECONDS_MAX = 5
READ_SECONDS_MAX = 30
SEND_SECONDS_LEFT_MIN = 45  # Nothing is sent with less than this left of the invocation.
READS_AT_ONCE_MAX = 8  # A window of 10,000 records is 100 reads of the ledger.
WRITE_SECONDS_LEFT_MIN = 3  # Then what is under way is left as it is, and handed back.
CALLS_AT_ONCE_MAX = 16  # Keeps 190 calls per 10 s flowing while each takes up to 0.8 s.

# Ledger
PENDING_BYTES_MAX = 256 * 1024  # Values pending on one record, as JSON has them.
ENTRY_BYTES_MAX = 390_000  # As encoded. Documented: an item has 400 KB; the rest takes 8.
SYNCED_ROOMY_MAX = 60  # So few versions leave room for all values that may be pending.
PENDING_READINGS_MAX = 16  # Of one property: through an outage each newer one is laid on top.
WATCHED_BYTES_MAX = 64 * 1024  # Values watched beside them; the largest are left out.
TRANSACTION_ITEMS_MAX = 100  # Documented: TransactWriteItems and BatchGetItem alike.
TRANSACTION_BYTES_MAX = 3_500_000  # Documented limit: 4 MB.
LEASE_MARGIN_SECONDS = 5
REFUSAL_ROUNDS_MAX = (
    3  # Older readings under refused ones cost rounds of their own, so many a time.
)
SILENCES_MAX = 2  # Finished answers that leave an input out; then the record is read back.
DOUBTS_APART_MIN = 4  # In doubt so often, events go one by one, so that good ones get out.
DOUBTS_MAX = 5  # A record alone and in doubt so often, while others are written, is given up.
DOUBTS_UNSEEN_MAX = 20  # The same, where HubSpot fails to show it, too: a look is worth a wait.
WATCH_SECONDS = 3_600  # Values stay in the ledger until the audit has seen them.
WATCHED_SECONDS_MAX = 23 * 3_600  # Then unseen ones go, too: with an hourly audit, within a day.
SWEEP_GRACE_SECONDS = 3_600  # The queue brings records back sooner; the sweep is for what it lost.
SWEEP_PAGES_MAX = 50  # Of 1 MB, in one run: at most 6,400 read units, some 80,000 records.
AUDIT_RECORDS_MAX = 1_000  # In one run: at most 20 calls, and more in a storm of doubts.
AUDIT_INPUTS_MAX = 50  # Observed: batch/read with propertiesWithHistory takes half as many.
LEASE_TRIES_MAX = 3  # A live holder releases within a second or two; then the queue waits better.
LEASE_WAIT_SECONDS_MIN, LEASE_WAIT_SECONDS_MAX = 0.2, 2.0

# Retrying
BACKOFF_SECONDS_MIN, BACKOFF_SECONDS_MAX = 5, 900
SECRET_SECONDS_MAX = 300  # How long a secret is believed before it is read again.
SECRET_REFRESH_SECONDS_MIN = 30  # A wrong signature or a 401 may ask sooner, but not more often.

assert (
    EVENT_BYTES_MAX + 4096 < SQS_REQUEST_BYTES_MAX
)  # The largest event fits a message of its own.
assert SEND_SECONDS_LEFT_MIN >= CALL_SECONDS_MAX + LEASE_MARGIN_SECONDS
assert SEND_SECONDS_LEFT_MIN > CALL_SECONDS_MAX + WRITE_SECONDS_LEFT_MIN
assert CALL_SECONDS_MAX - TOKEN_SECONDS_MAX >= READ_SECONDS_MAX > CONNECT_SECONDS_MAX
assert BATCH_BYTES_MAX > BATCH_INPUTS_MAX * 1024
assert PENDING_BYTES_MAX > EVENT_BYTES_MAX
# A version has an event id and a source, and stands beside a property's name: 1.5 KB at most.
assert PENDING_BYTES_MAX + SYNCED_ROOMY_MAX * 1_536 < ENTRY_BYTES_MAX
assert WATCHED_SECONDS_MAX > WATCH_SECONDS
assert BACKOFF_SECONDS_MAX <= DELAY_SECONDS_MAX
