// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/statusz"
)

// Bounds of asking pods; chosen, no evidence.
const (
	askTimeout  = 10 * time.Second // of all pods together
	askedAtOnce = 16
)

// Ask asks the pod at an address for its status.
type Ask func(ctx context.Context, address string) (component.Status, error)

// AskHTTP makes an Ask over the ops port, with so many questions at once in the whole operator.
func AskHTTP() Ask {
	client := statusz.NewClient(askedAtOnce)
	return func(ctx context.Context, address string) (component.Status, error) {
		return client.Get(ctx, net.JoinHostPort(address, strconv.Itoa(component.OpsPort)))
	}
}

// askAll asks every pod that runs. One that does not answer is left out: silence blocks nothing.
func askAll(ctx context.Context, ask Ask, pods []corev1.Pod) map[string]component.Status {
	told := map[string]component.Status{}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var mu sync.Mutex // guards told
	var asked sync.WaitGroup
	for _, pod := range pods {
		if pod.Status.PodIP == "" || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		asked.Go(func() {
			status, err := ask(ctx, pod.Status.PodIP)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			told[pod.Name] = status
		})
	}
	asked.Wait()
	return told
}
