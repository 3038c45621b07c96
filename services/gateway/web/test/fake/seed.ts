// SPDX-License-Identifier: Apache-2.0
import type { State } from './state';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Fills a server with people who talk, to look at screens. */
export function seed(state: State): { me: string; peers: string[] } {
  const me = state.addUser('mara.lindqvist', 'Mara Lindqvist', 'correct horse', 'Operations, night shift').userId;
  const people = [
    state.addUser('li.wei', '李伟', undefined, '杭州 · 后端'),
    state.addUser('jonas', 'Jonas Okafor', undefined, 'Weaves networks'),
    state.addUser('sofia.r', 'Sofía Rentería'),
    state.addUser('wang.xiaomeng', '王晓萌', undefined, '喜欢番茄炒蛋'),
    state.addUser('ada', 'Ada'),
    state.addUser('long', 'Maximiliane-Theodora von Hohenstein-Wittelsbach'),
  ].map((user) => user.userId);
  const [wei, jonas, sofia, meng, ada, long] = people as [string, string, string, string, string, string];
  const now = Date.now();
  const talk = (peer: string, lines: [0 | 1, string, number][], read: number) => {
    const room = state.befriend(me, peer);
    room.createdAt = now - 40 * DAY;
    for (const [own, text, ago] of lines) state.send(own ? me : peer, room.id, text, undefined, false, now - ago);
    room.read.set(me, read < 0 ? room.messages.length : read);
    room.read.set(peer, room.messages.length - 1);
  };
  talk(ada, Array.from({ length: 420 }, (_, i) => [(i % 7 < 3 ? 1 : 0) as 0 | 1, chatter(i), (420 - i) * 0.4 * HOUR + 9 * DAY]), -1);
  talk(long, [[0, 'ok', 30 * DAY]], -1);
  talk(sofia, [[1, 'See you at the harbour then.', 2 * DAY], [0, 'Sí. Bring the map!', 2 * DAY - HOUR]], -1);
  talk(meng, [[0, '今晚吃什么？', 5 * HOUR], [0, '番茄炒蛋还是面条？', 5 * HOUR - 60_000], [1, '番茄炒蛋！我七点到家。', 4 * HOUR]], -1);
  talk(jonas, [
    [0, 'The link in building C flaps again.', 26 * HOUR],
    [1, 'Seen it. Every 40 minutes, like a clock.', 26 * HOUR - 120_000],
    [0, 'Could be the optics. I will swap them in the morning: https://example.com/tickets/4411', 25 * HOUR],
    [0, 'Swapped. Stable for three hours now.', 2 * HOUR],
    [0, 'Fingers crossed 🤞', 2 * HOUR - 30_000],
  ], 2);
  talk(wei, [
    [0, '早上好，昨晚的发布顺利吗？', 3 * HOUR],
    [1, 'Good morning! Yes: three gateways rolled, nobody noticed.', 3 * HOUR - 90_000],
    [1, 'I watched the counters the whole time. Not a single message was lost.', 3 * HOUR - 60_000],
    [0, '太好了，那我把监控的阈值调回来。', 2.5 * HOUR],
    [0, '顺便问一下：周四的评审能提前到上午十点吗？下午我要去机场接人。', 2.4 * HOUR],
    [1, '可以，十点见。', 2.2 * HOUR],
    [0, 'Great, thank you!', 20 * 60_000],
  ], -1);
  state.request(state.addUser('zhao', '赵一帆').userId, me, '你好，我是新来的测试工程师，Jonas 让我加你。');
  state.request(state.addUser('priya', 'Priya Raman').userId, me, '');
  state.request(me, state.addUser('tomas', 'Tomáš Novák').userId, 'We met at the meetup');
  return { me, peers: people };
}

function chatter(i: number): string {
  const lines = ['Hm.', 'I think so too.', '好的，没问题。', 'Let me look at it again with a fresh head tomorrow, there is something about the order that I do not like.'];
  return `${i + 1}. ${lines[i % lines.length]}${i % 11 === 0 ? '\nAnd a second line.\nAnd a third one.' : ''}`;
}
