-- +goose Up
CREATE INDEX members_user_id_changed_at ON members (user_id, changed_at);
