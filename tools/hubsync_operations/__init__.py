"""What an operator asks of hubsync: of events not sent yet, of dead letters, of a record's story.

Part of the command alone: no function needs it, so none of it ships.
"""
