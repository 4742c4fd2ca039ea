"""The feeds of the landing contract, one module per source."""
