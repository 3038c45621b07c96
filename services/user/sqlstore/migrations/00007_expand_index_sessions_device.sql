-- +goose Up
CREATE INDEX login_sessions_device_id ON login_sessions (user_id, device_id);
