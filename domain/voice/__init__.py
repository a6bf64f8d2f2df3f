"""Voice agents: the tools they use during calls, and how their calls are recorded, evaluated and improved."""
