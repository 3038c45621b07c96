-- +goose Up
ALTER TABLE accounts ADD COLUMN findable_by_phone SMALLINT NOT NULL DEFAULT 0;
