"""codedance: a vision-language model answers by writing Python, running it in a safe sandbox and looking at the result."""
