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

/// Replicas of a chain and a scripted authority under random schedules, with an outside eye on the
/// invariants.
struct ChainWorld: RandomWorld {
  enum Own {
    /// A replica hears of the newest view.
    case tell
    /// The authority looks whether it should issue another view.
    case supervise
  }

  static let weights: [(share: Int, act: RandomAct<ChainReplica.Timer, Own>)] = [
    (110, .deliver), (25, .propose), (10, .read), (10, .fire(.resend)), (7, .slowDisk),
    (8, .releaseDisk), (18, .own(.tell)), (2, .crash), (1, .crashAndRestart), (4, .restart),
    (5, .own(.supervise)),
  ]
  static let network = RandomNetwork(window: 1, overtaking: 0.3, loss: 0.03, duplication: 0.05)

  var run: RandomRun<ChainReplica>
  var authority: ScriptedAuthority
  private var seenCommits: [Int]
  private var seenRecords: [Int]
  /// What each disk holds.
  private var durable: [[ViewEntry]]

  init(seed: UInt64, replicas: Int = 4, bug: ChainReplica.Bug? = nil) {
    var options = ChainReplica.Options()
    options.bug = bug
    options.page = 4
    if seed % 2 == 0 { options.inFlightBytes = 300 }
    let membership = Membership(replicas: replicas)
    run = RandomRun(InProcessCluster(membership: membership, options: options), seed: seed)
    authority = ScriptedAuthority(
      members: Array(membership.replicas.dropLast()), replicas: replicas)
    seenCommits = Array(repeating: 0, count: replicas)
    seenRecords = seenCommits
    durable = Array(repeating: [], count: replicas)
  }

  private var ids: [ReplicaID] { run.cluster.membership.replicas }
  private func isUp(_ id: ReplicaID) -> Bool { run.cluster.isUp(id) }
  private func core(_ id: ReplicaID) -> ChainReplica { run.cluster.core(id) }

  mutating func perform(_ act: Own) {
    switch act {
    case .tell: tell(run.anyone())
    case .supervise: supervise(removes: run.random.chance(0.3))
    }
  }

  /// A replica may not have heard of newer views yet, but its lease lasts while it is a member of
  /// them.
  func answersReach(_ id: ReplicaID) -> Bool {
    core(id).report.view > authority.lastWithout[id.index]
  }

  private mutating func tell(_ id: ReplicaID) {
    let own = run.incarnations[id.index]
    guard isUp(id), core(id).report.view < authority.view.number,
      authority.view.incarnation(of: id) ?? own == own
    else { return }
    run.cluster.adopt(authority.view, at: id)
  }

  /// The authority hears reports, and issues a view if there is cause. What it knows of
  /// incarnations may be old. At random it removes a live member, whose lease is over then, or
  /// changes the order.
  private mutating func supervise(removes: Bool, isCalm: Bool = false) {
    for id in ids where isUp(id) {
      authority.hear(core(id).report, from: id)
      if isCalm || run.random.chance(0.7) {
        authority.incarnations[id.index] = run.incarnations[id.index]
      }
    }
    let view = authority.view
    var staying = view.members.filter { isUp($0) }
    if removes, staying.count > 1 { staying.remove(at: run.random.below(staying.count)) }
    var members = staying
    if isCalm || run.random.chance(0.7) {
      members = staying.filter { !authority.hasRestarted($0) }
      members += staying.filter { authority.hasRestarted($0) }
    }
    if !isCalm, members.count > 1, run.random.chance(0.2) {
      members.swapAt(run.random.below(members.count), run.random.below(members.count))
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
    run.endFaults()
    for _ in 0..<60 where run.failure == nil {
      for id in ids { tell(id) }
      run.cluster.run()
      for id in ids { run.cluster.fire(.resend, at: id) }
      run.cluster.run()
      look(at: nil)
      supervise(removes: false, isCalm: true)
    }
    guard authority.isEstablished, authority.view.members.count == ids.count,
      let head = authority.view.members.first, let tail = authority.view.members.last
    else { return false }
    let readsBefore = run.readCount
    run.propose(at: head)
    run.cluster.run()
    run.read(at: tail, seesCommitted: false)
    look(at: nil)
    return ids.allSatisfy { run.cluster.committed($0) == run.witness.batches }
      && run.witness.batches.last == batch(run.lastProposed)
      && run.readCount == readsBefore + 1
  }
}

extension ChainWorld {
  mutating func inspect(_ id: ReplicaID) {
    for other in ids { replayRecords(of: other) }
    inspectAnswers(of: id)
    inspectPrefixes()
  }

  /// What is answered is on the disks of all members of the view.
  private mutating func inspectAnswers(of id: ReplicaID) {
    let commits = run.cluster.nodes[id.index].commits
    if seenCommits[id.index] > commits.count { seenCommits[id.index] = 0 }
    for commit in commits[seenCommits[id.index]...]
    where commit.answering && core(id).report.view == authority.view.number {
      for member in authority.view.members
      where durable[member.index].count < commit.index.rawValue {
        run.fail("\(commit.index) is answered and not on the disk of \(member)")
      }
    }
    seenCommits[id.index] = commits.count
  }

  private mutating func replayRecords(of id: ReplicaID) {
    let records = run.cluster.nodes[id.index].records
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
        run.fail("the history of \(lower) is no prefix of that of \(upper)")
      }
    }
  }
}
