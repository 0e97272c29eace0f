"""HubSpot's batch API as bytes and values, and its limits."""
