"""Writing the changes of one account under leases."""
