"""The consumer on a clock that is moved: shipped code, its queue, ledger and HubSpot in memory."""
