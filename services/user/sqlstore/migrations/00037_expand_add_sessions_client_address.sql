-- +goose Up
ALTER TABLE login_sessions ADD COLUMN client_address VARBINARY(64) NOT NULL DEFAULT '';
