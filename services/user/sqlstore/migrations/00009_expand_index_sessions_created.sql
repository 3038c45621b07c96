-- +goose Up
CREATE INDEX login_sessions_created_at ON login_sessions (created_at);
