"""Voice agents: what they may ask and do in a call, and how their calls are kept, judged and made better."""
