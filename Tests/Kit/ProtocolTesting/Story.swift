import Replication
import SteppedCluster
import ViewService

/// A scenario that is played on a stepped cluster and written down as it goes: what the test does
/// to the cluster, each message when it arrives or is lost, what becomes durable, what each replica
/// becomes and commits, and what clients hear. The sentences between are the test's own.
///
/// `difference(from:)` compares the text with the file that holds it.
public struct Story<Core: ReplicaCore> {
  public var cluster: InProcessCluster<Core>
  let wording: Wording<Core>
  public internal(set) var text: String
  var known: [Known] = []
  var snapshots: [SnapshotReference?]
  private var witness = CommitWitness()
  /// The first thing that went wrong that never may.
  public private(set) var problem: String?
  /// The authority of a story about bare replicas of a protocol with an authority.
  var script: ViewScript
  private var nextTicket: UInt64 = 1
  private var isInEvents = false

  /// What has been told of a node so far.
  struct Known {
    var status = ""
    var records = 0
    var unsynced = 0
    var commits = 0
    var reads = 0
    var refusedBatches = 0
    var refusedReads = 0
    var snapshotRequests = 0
  }

  public init(
    _ title: String, replicas: Int = 3, authority: Int = 0, options: Core.Options,
    wording: Wording<Core>
  ) {
    cluster = InProcessCluster(
      membership: Membership(replicas: replicas, authority: authority), options: options)
    self.wording = wording
    text = title + "\n" + String(repeating: "=", count: title.count) + "\n"
    script = ViewScript(replicas: replicas)
    snapshots = Array(repeating: nil, count: cluster.nodes.count)
    for id in cluster.nodes.indices {
      known.append(Known())
      note(ReplicaID(id))
    }
  }

  // MARK: What the test says

  /// Begins a part of the story.
  public mutating func section(_ title: String) {
    text += "\n" + title + "\n" + String(repeating: "-", count: title.count) + "\n"
    isInEvents = false
  }

  /// Explains what comes next.
  public mutating func say(_ sentences: String) {
    text += "\n"
    var line = ""
    for word in sentences.split(separator: " ") {
      if !line.isEmpty, line.count + word.count + 1 > 80 {
        text += line + "\n"
        line = ""
      }
      line += line.isEmpty ? String(word) : " " + word
    }
    text += line + "\n"
    isInEvents = false
  }

  /// Writes one event down.
  public mutating func event(_ actor: String, _ words: String) {
    if !isInEvents { text += "\n" }
    isInEvents = true
    let padding = String(repeating: " ", count: max(1, 12 - actor.count))
    text += "  " + actor + padding + words + "\n"
  }

  // MARK: What happens to the cluster

  /// Lets happen what the story need not tell.
  public mutating func quietly(_ body: (inout InProcessCluster<Core>) -> Void) {
    body(&cluster)
    for id in cluster.nodes.indices {
      note(ReplicaID(id))
      judge(ReplicaID(id))
    }
  }

  /// Lets something happen to one node and tells what comes of it.
  public mutating func turn(at id: ReplicaID, _ body: (inout InProcessCluster<Core>) -> Void) {
    body(&cluster)
    tell(of: id)
  }

  public mutating func propose(_ number: UInt64, at id: ReplicaID) {
    event("client → \(name(id))", batch(number).words)
    turn(at: id) { $0.propose(number, at: id) }
  }

  public mutating func read(at id: ReplicaID) {
    event("client → \(name(id))", "read x")
    let ticket = nextTicket
    nextTicket += 1
    turn(at: id) { $0.read(ticket, at: id) }
  }

  public mutating func fire(_ timer: Core.Timer, at id: ReplicaID) {
    guard cluster.nodes[id.index].timers[timer.index] != nil else { return }
    event(name(id), wording.timer(timer))
    turn(at: id) { $0.fire(timer, at: id) }
  }

  /// Time passes, and no timer fires.
  public mutating func wait(_ interval: Interval) {
    event("clock", "\(interval.nanoseconds / 1_000_000) ms pass")
    cluster.now = cluster.now + interval
  }

  /// Delivers messages, oldest first, until none is left that is wanted now.
  public mutating func run(
    where isWanted: (InProcessCluster<Core>.Envelope) -> Bool = { _ in true }
  ) {
    while let next = cluster.inFlight.firstIndex(where: isWanted) {
      let envelope = cluster.inFlight.remove(at: next)
      let words = wording.message(envelope.message)
      let (from, to) = (name(envelope.from), name(envelope.to))
      let isHeard = cluster.nodes[envelope.to.index].isUp && cluster.delivers(envelope)
      guard envelope.from == envelope.to || isHeard else {
        if let words { event("\(from) ✗ \(to)", words) }
        continue
      }
      if let words { event("\(from) → \(to)", words) }
      turn(at: envelope.to) {
        $0.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
      }
    }
  }

  /// All messages that the cluster holds are lost.
  public mutating func loseMessages() {
    for envelope in cluster.inFlight where envelope.from != envelope.to {
      if let words = wording.message(envelope.message) {
        event("\(name(envelope.from)) ✗ \(name(envelope.to))", words)
      }
    }
    cluster.loseMessages()
  }

  public mutating func only(_ ids: ReplicaID...) {
    event(
      "network",
      ids.count == 1
        ? "\(ids.letters) hears no other replica" : "only \(ids.letters) hear each other")
    cluster.only(ids)
  }

  public mutating func isolate(_ ids: ReplicaID...) {
    event("network", "\(ids.letters) \(ids.count == 1 ? "is" : "are") cut off from all others")
    cluster.isolate(ids)
  }

  public mutating func heal() {
    event("network", "all hear each other again")
    cluster.heal()
  }

  public mutating func crash(_ id: ReplicaID) {
    event(name(id), "crashes")
    cluster.crash(id)
    known[id.index].unsynced = 0
    // What a process sends to itself dies with it.
    cluster.inFlight.removeAll { $0.from == id && $0.to == id }
  }

  public mutating func restart(_ id: ReplicaID) {
    event(name(id), "restarts, and reads its disk")
    known[id.index].commits = 0
    if id.index < script.incarnations.count { script.incarnations[id.index] += 1 }
    turn(at: id) { $0.restart(id) }
  }

  public mutating func slowDisk(_ id: ReplicaID) {
    event("\(name(id)) disk", "is slow from now on")
    cluster.slowDisk(id)
  }

  public mutating func releaseDisk(_ id: ReplicaID) {
    event("\(name(id)) disk", "has written all that waited")
    known[id.index].unsynced = 0
    turn(at: id) { $0.releaseDisk(id) }
  }

  /// A snapshot of all that is committed takes the place of the log.
  public mutating func takeSnapshot(at id: ReplicaID) {
    event(name(id), "takes a snapshot of all that it has committed")
    let reference = cluster.takeSnapshot(at: id)
    snapshots[id.index] = reference
    known[id.index].records = 0
    tell(of: id)
  }

  /// The host sends its snapshot to a replica, where it becomes durable and is installed.
  public mutating func sendSnapshot(from sender: ReplicaID, to id: ReplicaID) {
    guard let reference = snapshots[sender.index] else { return }
    event("\(name(sender)) → \(name(id))", "snapshot of entries 1 to \(reference.index)")
    let isInstalled = cluster.install(reference, of: sender, at: id)
    event(name(id), isInstalled ? "installs the snapshot" : "needs no snapshot")
    known[id.index].commits = cluster.nodes[id.index].commits.count
    if isInstalled { known[id.index].records = 0 }
    tell(of: id)
  }

  // MARK: What comes of it

  /// Nodes of the authority are named apart from the replicas.
  public func name(_ id: ReplicaID) -> String {
    let authority = cluster.membership.authority
    guard let place = authority.firstIndex(of: id) else { return id.letter }
    return authority.count == 1 ? "V" : "V\(place + 1)"
  }

  /// Writes down what is new at a node.
  private mutating func tell(of id: ReplicaID) {
    let node = cluster.nodes[id.index]
    let own = name(id)
    guard node.isUp else { return }
    tellRecords(of: node, at: id)
    let status = wording.status(node.core.status)
    if status != known[id.index].status { event(own, "is \(status)") }
    for commit in node.commits[known[id.index].commits...] {
      event(own, "commits \(wording.entry) \(commit.index): \(commit.batch.words)")
      if commit.answering, !commit.batch.isNoop {
        event("client ← \(own)", "\(commit.batch.words) is done")
      }
    }
    for _ in node.reads[known[id.index].reads...] {
      let value = node.commits.flatMap(\.batch.numbers).last.map { "x=\($0)" } ?? "x has no value"
      event("client ← \(own)", value)
    }
    for refusal in node.refusedBatches[known[id.index].refusedBatches...] {
      event("client ← \(own)", "\(refusal.refused.words) refused\(advice(refusal.redirect))")
    }
    for refusal in node.refusedReads[known[id.index].refusedReads...] {
      event("client ← \(own)", "read refused\(advice(refusal.redirect))")
    }
    for receiver in node.snapshotRequests[known[id.index].snapshotRequests...] {
      event(own, "\(name(receiver)) lacks entries that have left the log: it needs the snapshot")
    }
    note(id)
    judge(id)
  }

  /// All that is to be seen at a node has been told.
  private mutating func note(_ id: ReplicaID) {
    let node = cluster.nodes[id.index]
    known[id.index] = Known(
      status: wording.status(node.core.status), records: node.records.count,
      unsynced: node.unsynced.count, commits: node.commits.count, reads: node.reads.count,
      refusedBatches: node.refusedBatches.count, refusedReads: node.refusedReads.count,
      snapshotRequests: node.snapshotRequests.count)
  }

  private mutating func tellRecords(of node: InProcessCluster<Core>.Node, at id: ReplicaID) {
    let disk = "\(name(id)) disk"
    for record in node.records[known[id.index].records...] {
      if let words = wording.record(record) { event(disk, words) }
    }
    for record in node.unsynced[known[id.index].unsynced...] {
      if let words = wording.record(record) { event(disk, "still writing: \(words)") }
    }
  }

  private func advice(_ replica: ReplicaID?) -> String {
    replica.map { ": ask \(name($0))" } ?? ""
  }

  /// Watches what no story may show: a broken invariant, or two replicas that disagree.
  private mutating func judge(_ id: ReplicaID) {
    let node = cluster.nodes[id.index]
    witness.note(node.commits)
    guard problem == nil else { return }
    if let violation = node.core.invariantViolation() { problem = "\(name(id)): \(violation)" }
    if let index = witness.disagreement { problem = "replicas disagree on entry \(index)" }
  }
}
