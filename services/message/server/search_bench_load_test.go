// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// benchQueries are what is searched for, and the share of messages that hold it; zero: twenty messages.
func benchQueries() []benchQuery {
	return []benchQuery{
		{"上海", []string{"上海"}, .1},
		{"季度报表", []string{"季度报表"}, .01},
		{"江豚", []string{"江豚"}, 0},
		{"meeting", []string{"meeting"}, .1},
		{"deploy", []string{"deployment"}, .01},
		{"zeppelin", []string{"zeppelin"}, 0},
		{"开会 上海", []string{"我们在上海", "明天开会"}, .02},
		{"meeting 季度", []string{"meeting", "第三季度"}, .002},
		{"白鹤 sonata", []string{"白鹤", "sonata"}, 0},
		{"无此词语", nil, 0},
	}
}

type benchQuery struct {
	typed string
	words []string
	share float64
}

// benchText makes the text of a message: a sentence of both scripts, with what its number calls for in the middle.
func benchText(r *rand.Rand, n, total int) string {
	chinese := strings.Fields("我们 今天 下午 项目 方案 客户 同事 已经 发送 文件 请问 收到 没有 问题 时间 安排 一下 讨论 预算 合同 流程 测试 版本 服务 系统 数据 更新 完成 需要 确认 回复 谢谢")
	latin := strings.Fields("please check the latest build before release and tell me when it works again thanks for your help with this report today")
	var parts []string
	pick := func(words []string, join string, count int) {
		var some []string
		for range count {
			some = append(some, words[r.IntN(len(words))])
		}
		parts = append(parts, strings.Join(some, join))
	}
	pick(chinese, "", 4+r.IntN(8))
	for _, q := range benchQueries() {
		rare := q.words != nil && q.share == 0 && n%max(1, total/20) == len(q.typed)%max(1, total/20)
		if rare || r.Float64() < q.share {
			for _, word := range q.words {
				parts = append(parts, word)
				pick(chinese, "", 1+r.IntN(3))
			}
		}
	}
	if n%2 == 0 {
		parts = append(parts, " ")
		pick(latin, " ", 3+r.IntN(8))
	}
	if n%benchEvery == 0 {
		parts = append(parts, " "+benchMark)
	}
	return strings.Join(spaced(parts), "")
}

// spaced puts blanks around Latin words, as people do.
func spaced(parts []string) []string {
	for i, p := range parts {
		if p != "" && p[0] < 0x80 && p[0] != ' ' {
			parts[i] = " " + p + " "
		}
	}
	return parts
}

// ingest sends everything at the rate, looks for marked messages and searches meanwhile, and waits until all
// marked ones are found.
func (r *benchRun) ingest(b *testing.B) {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var watching, sending sync.WaitGroup
	all := make(chan struct{})
	watching.Go(func() { r.watch(ctx, all) })
	watching.Go(func() { r.askMeanwhile(ctx) })
	texts := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	tick := time.NewTicker(benchTick)
	defer tick.Stop()
	flight := make(chan struct{}, benchFlight)
	for sent := 0; sent < r.total; {
		flight <- struct{}{}
		due := min(r.total, int(time.Since(start).Seconds()*float64(r.rate)))
		due = min(due, sent+benchRate/100)
		if due == sent {
			<-flight
			<-tick.C
			continue
		}
		drafts, marked, at := []message.Draft{}, []int{}, time.Now()
		for ; sent < due; sent++ {
			if sent%benchEvery == 0 {
				marked = append(marked, len(drafts))
			}
			drafts = append(drafts, messagetest.NewDraft(r.user, r.talks[sent%len(r.talks)], benchText(texts, sent, r.total)))
		}
		sending.Go(func() {
			r.send(ctx, drafts, marked, at)
			<-flight
		})
	}
	sending.Wait()
	r.took = time.Since(start)
	last := time.Now()
	late := time.NewTimer(5 * time.Minute)
	defer late.Stop()
	close(all)
	done := make(chan struct{})
	go func() {
		watching.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-late.C:
		r.failed["never found"]++
	}
	r.caught = time.Since(last)
	stop()
	<-done
}

// send sends a batch, and what was refused again until it is taken.
func (r *benchRun) send(ctx context.Context, drafts []message.Draft, marked []int, at time.Time) {
	for {
		refused, again := r.sent(drafts, marked, at, r.service.SendBatch(ctx, drafts))
		if len(refused) == 0 || ctx.Err() != nil {
			return
		}
		drafts, marked = refused, again
		wait := time.NewTimer(benchLook)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
	}
}

// sent notes when a batch was committed, and answers what was not.
func (r *benchRun) sent(drafts []message.Draft, marked []int, at time.Time, results []message.Result) (refused []message.Draft, again []int) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, result := range results {
		if result.Err != nil {
			r.failed[result.Err.Error()]++
			if slices.Contains(marked, i) {
				again = append(again, len(refused))
			}
			refused = append(refused, drafts[i])
			continue
		}
		r.commits = append(r.commits, now.Sub(at))
		if slices.Contains(marked, i) {
			r.committed[message.PlaceID(drafts[i].Conversation, result.Sent.Seq)] = now
		}
	}
	return refused, again
}

// watch looks for marked messages until all are found after everything was sent.
func (r *benchRun) watch(ctx context.Context, sent <-chan struct{}) {
	query, err := textmatch.Parse(benchMark)
	if err != nil {
		return
	}
	tick := time.NewTicker(benchLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.look(ctx, searchindex.Lookup{Grams: query.Grams(), Limit: searchindex.MaxHits})
		select {
		case <-sent:
			r.mu.Lock()
			whole := len(r.seen) >= len(r.committed)
			r.mu.Unlock()
			if whole {
				return
			}
		default:
		}
	}
}

// look notes what is found for the first time, page by page until one brings nothing new.
func (r *benchRun) look(ctx context.Context, lookup searchindex.Lookup) {
	for {
		hits, err := r.index.Find(ctx, lookup)
		now, news := time.Now(), 0
		if err != nil {
			return
		}
		r.mu.Lock()
		for _, h := range hits {
			if _, known := r.seen[h.ID]; !known {
				r.seen[h.ID] = now
				news++
			}
		}
		r.mu.Unlock()
		if news == 0 || len(hits) < lookup.Limit {
			return
		}
		lookup.After = &hits[len(hits)-1]
	}
}
