"""Jobs of more than one request: a dialogue asks, hears the reply, uses the tools, and asks again."""
