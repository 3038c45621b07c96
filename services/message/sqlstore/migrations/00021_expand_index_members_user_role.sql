-- +goose Up
CREATE INDEX members_user_id_role ON members (user_id, role);
