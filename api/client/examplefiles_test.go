// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/api/client"
)

// A report goes into a conversation, and whoever sees it there fetches it. The server of this example is the
// one of the tests.
func ExampleClient_Upload() {
	f := newFake()
	server := httptest.NewServer(f.handler())
	defer server.Close()
	c, err := client.New(client.Config{BaseURLs: []string{server.URL}, Token: "token"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = c.Run(ctx) }() // for SendContent

	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path, copied := filepath.Join(dir, "minutes.txt"), filepath.Join(dir, "copy.txt")
	if err := os.WriteFile(path, []byte("Minutes of Monday\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	const key = "0199c4f3-1b7a-7e0d-a3d5-5b1f0c9d2e44" // made once, and kept with what is to be sent
	if err := send(ctx, c, path, copied, key); err != nil {
		fmt.Println(err)
	}
	// Output:
	// stored at 1
	// 18 bytes are in copy.txt
}

// send is shown in docs/api.md.
func send(ctx context.Context, c *client.Client, path, copied, key string) error {
	const conversationID = "0199c4f2-9a01-7b7e-8d0f-3f5f3c1c2a10"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	content, err := os.Open(path)
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := c.Upload(ctx, client.Upload{Content: content, Key: key})
	if err != nil {
		return err
	}
	sent, err := c.SendContent(ctx, conversationID, client.File(file.GetFileId()))
	if err != nil {
		return err
	}
	fmt.Println("stored at", sent.GetSeq())

	got, err := c.DownloadFile(ctx, file.GetFileId(), copied)
	if err != nil {
		return err
	}
	fmt.Println(got.GetSize(), "bytes are in", filepath.Base(copied))
	return nil
}
