"""A demonstration campus: simulated physics behind real protocols, a real agent, a real server. All of it says 模拟."""
