// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/parley-chat/parley/api/client"
)

// A bot that says hello and prints what it hears. The server of this example is the one of the tests.
func Example() {
	f := newFake()
	server := httptest.NewServer(f.handler())
	defer server.Close()

	heard := make(chan string, 10)
	c, err := client.New(client.Config{
		BaseURLs: []string{server.URL},
		Token:    "parley_s1_…", // from Auth().Login
		Device:   "0199c4f2-8f5e-7c5d-9d52-0a4b7f0c8d11",
		Events: func(event client.Event) {
			if m, ok := event.(client.MessagesReceived); ok {
				for _, item := range m.Items {
					heard <- fmt.Sprintf("%d: %s", item.GetSeq(), item.GetText().GetBody())
				}
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()

	sent, err := c.Send(ctx, "0199c4f2-9a01-7b7e-8d0f-3f5f3c1c2a10", "hello")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stored at", sent.GetSeq())
	fmt.Println(<-heard)
	stop()
	fmt.Println("ended with", <-ended)
	// Output:
	// stored at 1
	// 1: hello
	// ended with <nil>
}
