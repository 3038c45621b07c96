// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/test/integration/servers"
)

// The stores listen on the bridge of the cluster, which only this machine and the pods reach. Their ports
// are fixed, so that the Secrets stay true over a restart.
const (
	storeAddress = "10.233.0.1"
	mysqlPort    = 23306
	amqpPort     = 23672
	s3Port       = 23900
	storeUser    = "parley"
	virtualHost  = "parley"
	bucket       = "parley-files"
)

// allStores is what the process says when it is ready.
const allStores = "mariadb rabbitmq s3"

// startStores starts the background process that keeps the stores, and waits until it has made the accounts. One of
// a version that keeps fewer stores makes room.
func (d demo) startStores(ctx context.Context) error {
	if kept, err := os.ReadFile(d.path("stores.ready")); err == nil && string(kept) != allStores {
		if err := d.stopBackground(ctx, "stores"); err != nil {
			return err
		}
	}
	if d.background("stores") == 0 {
		if err := os.RemoveAll(d.path("stores.ready")); err != nil {
			return err
		}
		program, err := d.run(ctx, filepath.Join(d.root, "hack", "tool.sh"), "versitygw", "--path")
		if err != nil {
			return err
		}
		if err := os.Setenv(servers.S3ProgramVariable, strings.TrimSpace(program)); err != nil {
			return err
		}
		if err := d.startBackground("stores", d.path("kubedemo"), "stores"); err != nil {
			return err
		}
	}
	return d.await(ctx, "stores", 2*time.Minute, func(context.Context) error {
		_, err := os.Stat(d.path("stores.ready"))
		return err
	})
}

// password makes the password of the stores' accounts once.
func (d demo) password() (string, error) {
	text, err := os.ReadFile(d.path("password"))
	if errors.Is(err, os.ErrNotExist) {
		text = []byte(rand.Text())
		err = os.WriteFile(d.path("password"), text, 0o600)
	}
	return string(text), err
}

// keepStores runs the stores until it is told to end; they end with it, whatever happens to it.
func (d demo) keepStores(ctx context.Context) error {
	password, err := d.password()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var mysqlErr, amqpErr, s3Err error
	var mariadb *servers.MariaDB
	var rabbitmq *servers.RabbitMQ
	var s3 *servers.S3
	all.Go(func() { mariadb, mysqlErr = d.startMariaDB(ctx, password) })
	all.Go(func() { rabbitmq, amqpErr = d.startRabbitMQ(ctx, password) })
	all.Go(func() { s3, s3Err = d.startS3(ctx) })
	all.Wait()
	if err = errors.Join(mysqlErr, amqpErr, s3Err); err == nil {
		err = os.WriteFile(d.path("stores.ready"), []byte(allStores), 0o600)
	}
	if err == nil {
		<-ctx.Done()
	}
	if mariadb != nil {
		all.Go(mariadb.Stop)
	}
	if rabbitmq != nil {
		all.Go(rabbitmq.Stop)
	}
	if s3 != nil {
		all.Go(s3.Stop)
	}
	all.Wait()
	return err
}

// startS3 makes a bucket for the files of the chat.
func (d demo) startS3(ctx context.Context) (*servers.S3, error) {
	dir := d.path("s3")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := servers.StartS3(ctx, dir, servers.S3Options{Port: s3Port, Host: storeAddress})
	if err != nil {
		return nil, fmt.Errorf("S3: %w", err)
	}
	if _, err := s.MakeBucket(bucket); err != nil {
		return s, fmt.Errorf("S3: make the bucket: %w", err)
	}
	return s, nil
}

// startMariaDB makes an account for the schemas of the chat. The account root, which has no password, stays
// on loopback.
func (d demo) startMariaDB(ctx context.Context, password string) (*servers.MariaDB, error) {
	dir := d.path("mariadb")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m, err := servers.StartMariaDB(ctx, dir, servers.MariaDBOptions{
		Port: mysqlPort, Args: []string{"--bind-address=127.0.0.1," + storeAddress, "--skip-log-bin"},
	})
	if err != nil {
		return nil, fmt.Errorf("MariaDB: %w", err)
	}
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/", m.Addr()))
	if err != nil {
		return m, err
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE OR REPLACE USER " + storeUser + "@'%' IDENTIFIED BY '" + password + "'",
		"GRANT ALL ON `parley\\_%`.* TO " + storeUser + "@'%'",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return m, fmt.Errorf("MariaDB: make the account: %w", err)
		}
	}
	return m, nil
}

// startRabbitMQ makes an account and a virtual host; the account guest is refused but on loopback.
func (d demo) startRabbitMQ(ctx context.Context, password string) (*servers.RabbitMQ, error) {
	dir := d.path("rabbitmq")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r, err := servers.StartRabbitMQ(ctx, dir, servers.RabbitMQOptions{
		Port: amqpPort, Config: fmt.Sprintf("listeners.tcp.2 = %s:%d", storeAddress, amqpPort),
	})
	if err != nil {
		return nil, fmt.Errorf("RabbitMQ: %w", err)
	}
	if _, err := os.Stat(d.path("rabbitmq.account")); err == nil {
		return r, nil
	}
	for _, args := range [][]string{
		{"add_vhost", virtualHost},
		{"add_user", storeUser, password},
		{"set_permissions", "-p", virtualHost, storeUser, ".*", ".*", ".*"},
	} {
		if err := r.Ctl(ctx, args...); err != nil {
			return r, fmt.Errorf("RabbitMQ: %s: %w", args[0], err)
		}
	}
	return r, os.WriteFile(d.path("rabbitmq.account"), nil, 0o600)
}
