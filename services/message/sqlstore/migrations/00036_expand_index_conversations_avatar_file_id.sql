-- +goose Up
CREATE INDEX conversations_avatar_file_id ON conversations (avatar_file_id);
