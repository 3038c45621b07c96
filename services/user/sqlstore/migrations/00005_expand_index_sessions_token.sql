-- +goose Up
CREATE UNIQUE INDEX login_sessions_token_hash ON login_sessions (token_hash);
