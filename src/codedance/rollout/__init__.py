"""Task -> Trace: formats, prompts, the loop, the runner of many tasks, and the store."""
