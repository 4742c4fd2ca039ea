"""The door: drops are checked, tokenised and published to raw/; bad rows wait in quarantine, bad files stop."""
