-- +goose Up
CREATE INDEX friendships_since ON friendships (user_id, since, friend_id);
