import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import ViewService

@testable import ChainReplication

/// The authority as a test's script: it issues the views that a correct one might, at random, and
/// keeps account of who may be put in charge.
struct ScriptedAuthority {
  var view: View
  var isEstablished = false
  /// Those known to hold everything that was acknowledged.
  var eligible: [ReplicaID]
  /// The incarnation in which each replica was heard last.
  var incarnations: [UInt64]
  /// The last view of which each replica was no member. A lease of an earlier one is over.
  private(set) var lastWithout: [UInt64]

  init(members: [ReplicaID], replicas: Int) {
    incarnations = Array(repeating: 1, count: replicas)
    lastWithout = incarnations.indices.map { members.contains(ReplicaID($0)) ? 0 : 1 }
    view = View(number: 1, members: members)
    eligible = members
  }

  mutating func issue(_ members: [ReplicaID], joiner: ReplicaID?) {
    eligible = eligible.filter { members.contains($0) }
    view = View(
      number: view.number + 1, members: members, joiner: joiner,
      incarnations: (members + (joiner.map { [$0] } ?? [])).map { incarnations[$0.index] })
    for id in lastWithout.indices where !members.contains(ReplicaID(id)) {
      lastWithout[id] = view.number
    }
    isEstablished = false
  }

  /// The view names an earlier incarnation of the replica.
  func hasRestarted(_ id: ReplicaID) -> Bool {
    view.incarnation(of: id).map { $0 < incarnations[id.index] } ?? false
  }

  mutating func hear(_ report: Report, from id: ReplicaID) {
    if report.view == view.number, report.isEstablished, id == view.members.first {
      isEstablished = true
      eligible = view.members
    }
  }
}

/// Replicas, network, disks and authority, driven by one seed, with an outside eye on the
/// invariants.
struct World {
  var cluster: InProcessCluster<ChainReplica>
  var authority: ScriptedAuthority
  var random: RandomStream
  /// What is wrong, at the first moment it was seen.
  var violation: String?
  /// What was committed first at each index, whoever did it.
  private(set) var history: [Batch] = []
  private(set) var answeredThrough = 0
  private(set) var servedReads = 0
  private var seenCommits: [Int]
  private var seenReads: [Int]
  private var seenRecords: [Int]
  /// What each disk holds.
  private var durable: [[ViewEntry]]
  private var incarnations: [UInt64]
  private var nextSequence: UInt64 = 1
  private var nextTicket: UInt64 = 1

  init(seed: UInt64, replicas: Int = 4, bug: ChainReplica.Bug? = nil) {
    var options = ChainReplica.Options()
    options.bug = bug
    options.page = 4
    if seed % 2 == 0 { options.inFlightBytes = 300 }
    let membership = Membership(replicas: replicas)
    cluster = InProcessCluster(membership: membership, options: options)
    authority = ScriptedAuthority(
      members: Array(membership.replicas.dropLast()), replicas: replicas)
    random = RandomStream(seed: seed)
    seenCommits = Array(repeating: 0, count: replicas)
    seenReads = seenCommits
    seenRecords = seenCommits
    durable = Array(repeating: [], count: replicas)
    incarnations = Array(repeating: 1, count: replicas)
  }

  var ids: [ReplicaID] { cluster.membership.replicas }
  private mutating func anyone() -> ReplicaID { ids[random.below(ids.count)] }
  private func isUp(_ id: ReplicaID) -> Bool { cluster.nodes[id.index].isUp }
  func core(_ id: ReplicaID) -> ChainReplica { cluster.nodes[id.index].core }

  /// One random event, then a look at what it did.
  mutating func step() {
    switch random.below(200) {
    case 0..<110: deliver()
    case 110..<135: update()
    case 135..<145: read(at: random.chance(0.5) ? anyone() : authority.view.members.last!)
    case 145..<155: cluster.fire(.resend, at: anyone())
    case 155..<162: cluster.nodes[anyone().index].holdsDisk = true
    case 162..<170: cluster.releaseDisk(anyone())
    case 170..<188: tell(anyone())
    case 188..<190: crash(anyone())
    case 190:
      // Too short for the authority to see more of it than a new incarnation.
      let id = anyone()
      crash(id)
      restart(id)
    case 191..<195: restart(anyone())
    default: supervise(removes: random.chance(0.3))
    }
    inspect()
  }

  private mutating func deliver() {
    guard !cluster.inFlight.isEmpty else { return }
    let position = random.chance(0.7) ? 0 : random.below(cluster.inFlight.count)
    let envelope = cluster.inFlight.remove(at: position)
    if envelope.from != envelope.to {
      if random.chance(0.03) { return }
      if random.chance(0.05) { cluster.inFlight.append(envelope) }
    }
    cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
  }

  private mutating func update() {
    for id in ids where isUp(id) && core(id).status.isInCharge {
      cluster.handle(.requested(batch(nextSequence)), at: id)
      nextSequence += 1
    }
  }

  private mutating func read(at id: ReplicaID) {
    cluster.handle(.readRequested(ReadTicket(nextTicket)), at: id)
    nextTicket += 1
  }

  private mutating func tell(_ id: ReplicaID) {
    guard isUp(id), core(id).report.view < authority.view.number,
      authority.view.incarnation(of: id) ?? incarnations[id.index] == incarnations[id.index]
    else { return }
    cluster.adopt(authority.view, at: id)
  }

  private mutating func crash(_ id: ReplicaID) {
    guard isUp(id) else { return }
    cluster.crash(id)
    // What a process sends to itself dies with it.
    cluster.inFlight.removeAll { $0.from == id && $0.to == id }
  }

  private mutating func restart(_ id: ReplicaID) {
    guard !isUp(id) else { return }
    seenCommits[id.index] = 0
    incarnations[id.index] += 1
    cluster.restart(id)
  }

  /// The authority hears reports, and issues a view if there is cause. What it knows of
  /// incarnations may be old. At random it removes a live member, whose lease is over then, or
  /// changes the order.
  private mutating func supervise(removes: Bool, isCalm: Bool = false) {
    for id in ids where isUp(id) {
      authority.hear(core(id).report, from: id)
      if isCalm || random.chance(0.7) { authority.incarnations[id.index] = incarnations[id.index] }
    }
    let view = authority.view
    var staying = view.members.filter { isUp($0) }
    if removes, staying.count > 1 { staying.remove(at: random.below(staying.count)) }
    var members = staying
    if isCalm || random.chance(0.7) {
      members = staying.filter { !authority.hasRestarted($0) }
      members += staying.filter { authority.hasRestarted($0) }
    }
    if !isCalm, members.count > 1, random.chance(0.2) {
      members.swapAt(random.below(members.count), random.below(members.count))
    }
    guard let first = members.firstIndex(where: { authority.eligible.contains($0) }) else { return }
    members.insert(members.remove(at: first), at: 0)
    var joiner = view.joiner.flatMap { isUp($0) ? $0 : nil }
    if authority.isEstablished, let candidate = joiner, let tail = view.members.last, isUp(tail),
      core(tail).report.view == view.number, core(tail).report.joinerHasCaughtUp
    {
      members.append(candidate)
      joiner = nil
    } else if authority.isEstablished, joiner == nil {
      joiner = ids.first { isUp($0) && !view.members.contains($0) }
    }
    guard
      members != view.members || joiner != view.joiner
        || members.contains(where: { authority.hasRestarted($0) })
        || joiner.map({ authority.hasRestarted($0) }) == true
    else { return }
    authority.issue(members, joiner: joiner)
  }

  /// Ends all faults and lets the cluster settle; says whether a later update and read succeed.
  mutating func heals() -> Bool {
    for id in ids {
      restart(id)
      cluster.releaseDisk(id)
    }
    for _ in 0..<60 where violation == nil {
      for id in ids { tell(id) }
      cluster.run()
      for id in ids { cluster.fire(.resend, at: id) }
      cluster.run()
      inspect()
      supervise(removes: false, isCalm: true)
    }
    guard authority.isEstablished, authority.view.members.count == ids.count else { return false }
    let readsBefore = servedReads
    update()
    cluster.run()
    read(at: authority.view.members.last!)
    inspect()
    let committed = cluster.nodes.map { $0.commits.map(\.batch) }
    return committed.allSatisfy { $0 == history } && history.last == batch(nextSequence - 1)
      && servedReads == readsBefore + 1
  }
}

extension World {
  /// Looks at everything the last events can have changed.
  private mutating func inspect() {
    guard violation == nil else { return }
    for id in ids { replayRecords(of: id) }
    for id in ids {
      inspectCommits(of: id)
      inspectReads(of: id)
      if isUp(id), let broken = core(id).invariantViolation() { violation = broken }
    }
    inspectPrefixes()
  }

  /// All replicas commit the same at the same index, nobody loses what was answered, and what is
  /// answered is on the disks of all members of the view.
  private mutating func inspectCommits(of id: ReplicaID) {
    let commits = cluster.nodes[id.index].commits
    for commit in commits[seenCommits[id.index]...] {
      let position = commit.index.rawValue - 1
      if position < history.count {
        if history[position] != commit.batch {
          violation = "\(id) commits another batch at \(commit.index)"
        }
      } else {
        history.append(commit.batch)
      }
      guard commit.answering else { continue }
      answeredThrough = max(answeredThrough, commit.index.rawValue)
      guard core(id).report.view == authority.view.number else { continue }
      for member in authority.view.members
      where durable[member.index].count < commit.index.rawValue {
        violation = "\(commit.index) is answered and not on the disk of \(member)"
      }
    }
    seenCommits[id.index] = commits.count
  }

  /// Reads that the lease lets through show all that was answered. A replica may not have heard of
  /// newer views yet, but its lease lasts while it is a member of them.
  private mutating func inspectReads(of id: ReplicaID) {
    let node = cluster.nodes[id.index]
    guard node.reads.count > seenReads[id.index] else { return }
    seenReads[id.index] = node.reads.count
    guard node.core.report.view > authority.lastWithout[id.index] else { return }
    servedReads += 1
    if node.committedCount < answeredThrough {
      violation = "\(id) shows \(node.committedCount) updates of \(answeredThrough) answered ones"
    }
  }

  private mutating func replayRecords(of id: ReplicaID) {
    let records = cluster.nodes[id.index].records
    for record in records[seenRecords[id.index]...] {
      let (first, entries) =
        switch record {
        case .entries(let first, let entries): (first, entries)
        }
      durable[id.index].removeSubrange((first.rawValue - 1)...)
      durable[id.index] += entries
    }
    seenRecords[id.index] = records.count
  }

  /// Hist_j is a prefix of Hist_i for i before j (§3): of what each has in memory, as soon as both
  /// are in line.
  private mutating func inspectPrefixes() {
    let view = authority.view
    let inLine = view.members.filter {
      isUp($0) && core($0).report.view == view.number && core($0).isSynchronised
    }
    for (upper, lower) in zip(inLine, inLine.dropFirst()) {
      let last = core(lower).log.lastIndex
      let recent = max(last - 4, .zero).next
      if last > core(upper).log.lastIndex
        || core(lower).log.entries(from: recent, through: last)
          != core(upper).log.entries(from: recent, through: last)
      {
        violation = "the history of \(lower) is no prefix of that of \(upper)"
      }
    }
  }
}
