-- +goose Up
CREATE INDEX members_user_id_active_at ON members (user_id, active_at, conversation_id);
