"""What every DAG file shares: the assets between them, and how a task of ours ends."""
