// SPDX-License-Identifier: Apache-2.0

package endpointslices

import (
	"context"
	"log/slog"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// listener asks for the slices of one Service, and says once when that begins to fail and when it works again. The
// reflector tries on in silence.
type listener struct {
	from   *cache.ListWatch
	logger *slog.Logger
	failed atomic.Bool
}

func newListener(client rest.Interface, namespace, selector string, logger *slog.Logger) *listener {
	l := &listener{logger: logger}
	l.from = cache.NewFilteredListWatchFromClient(client, "endpointslices", namespace, func(options *metav1.ListOptions) {
		options.LabelSelector, options.FieldSelector = selector, fields.Everything().String()
	})
	return l
}

// listWatch is what a reflector needs.
func (l *listener) listWatch() *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := l.from.ListWithContext(ctx, o)
			return list, l.heard(ctx, err)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := l.from.WatchWithContext(ctx, o)
			return w, l.heard(ctx, err)
		},
	}
}

func (l *listener) heard(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, apierrors.IsInvalid(err), apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		// The end, or an answer on which the reflector asks in another way.
	case err != nil && !l.failed.Swap(true):
		l.logger.WarnContext(ctx, "the API server tells nothing of the ring, the last view stays", "error", err)
	case err == nil && l.failed.Swap(false):
		l.logger.InfoContext(ctx, "the API server tells of the ring again")
	}
	return err
}
