-- +goose Up
ALTER TABLE accounts ADD COLUMN presence_hidden SMALLINT NOT NULL DEFAULT 0;
