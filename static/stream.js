// The one stream of a browser: a shared worker holds it for every tab that is looked at. Loaded as a module by a tab
// instead where there are no shared workers, it holds that tab's own.

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30000;
// A tab says that it is still there every twenty seconds; one that broke down says nothing.
const SILENT_MS = 65000;

class Stream {
  constructor(forward) {
    this.forward = forward;
    this.watchers = new Map();
    this.known = new Set();
    this.retryMs = FIRST_RETRY_MS;
    this.isOpen = false;
  }

  watch(who, { address, topics, asks }) {
    const isNew = asks || !this.watchers.has(who);
    this.watchers.set(who, Date.now());
    this.address = address;
    topics.forEach((topic) => this.hearTopic(topic));
    if (!this.source) this.open();
    else if (isNew && this.isOpen) { this.forward({ kind: "open" }, who); this.forward({ kind: "resync" }, who); }
  }

  leave(who) {
    this.watchers.delete(who);
    if (!this.watchers.size) this.close();
  }

  dropSilent() {
    for (const [who, at] of this.watchers) if (Date.now() - at > SILENT_MS) this.leave(who);
  }

  hearTopic(topic) {
    this.topics ??= new Set();
    this.topics.add(topic);
    if (!this.source || this.known.has(topic)) return;
    this.known.add(topic);
    this.source.addEventListener(topic, ({ data }) => this.forwardAll({ kind: "event", topic, data }));
  }

  open() {
    clearTimeout(this.timer);
    this.source = new EventSource(this.address);
    this.known = new Set();
    this.topics?.forEach((topic) => this.hearTopic(topic));
    this.source.onopen = () => {
      this.isOpen = true;
      this.retryMs = FIRST_RETRY_MS;
      this.forwardAll({ kind: "open" });
    };
    // Every stream begins with one, so that what changed before it is fetched.
    this.source.addEventListener("resync", () => this.forwardAll({ kind: "resync" }));
    this.source.onerror = () => {
      this.isOpen = false;
      this.forwardAll({ kind: "lost" });
      if (this.source?.readyState !== EventSource.CLOSED) return;
      this.close();
      this.timer = setTimeout(() => { if (this.watchers.size && !this.source) this.open(); }, this.retryMs);
      this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
    };
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
    this.isOpen = false;
  }

  forwardAll(message) {
    for (const who of this.watchers.keys()) this.forward(message, who);
  }
}

if ("onconnect" in globalThis) {
  const shared = new Stream((message, port) => port.postMessage(message));
  globalThis.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data }) => (data.kind === "watch" ? shared.watch(port, data) : shared.leave(port));
  };
  setInterval(() => shared.dropSilent(), 20000);
} else {
  globalThis.LiveStream = Stream;
}
