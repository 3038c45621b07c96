-- +goose Up
CREATE INDEX login_sessions_ended_at ON login_sessions (ended_at);
