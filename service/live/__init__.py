"""WebSockets, push over Redis, presence, rooms and the heartbeat of a process."""
