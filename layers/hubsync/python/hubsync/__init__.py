"""hubsync keeps HubSpot CRM records in step with upstream systems."""
