-- +goose Up
CREATE INDEX login_sessions_user_id ON login_sessions (user_id, ended_at);
