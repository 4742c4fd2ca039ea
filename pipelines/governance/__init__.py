"""What was done with whose data and by whose leave: the audit log, the training ledger, purpose, residency, erasure."""
