-- +goose Up
ALTER TABLE accounts ADD COLUMN phone_for_friends SMALLINT NOT NULL DEFAULT 0;
