import Replication

@testable import ViewService

/// A leader's knowledge with every replica heard just now in `view`.
struct Scene {
  /// Ticks of 40 ms within 200 ms, and one more, because the first may come at once.
  static let limit = 6

  var detector: FailureDetector
  var machine = ViewServiceStateMachine()
  var sequence: UInt64 = 0
  /// The newest ping of each replica whose answer it heard.
  var heard: [Int: UInt64] = [:]
  /// Replicas that hear no answers.
  var deaf: Set<Int> = []
  /// The lease that each replica was granted with the last answer.
  var lease: [Int: Interval] = [:]
  /// The replicas that each replica cannot reach.
  var unreachable: [Int: [Int]] = [:]
  /// The joiner's progress, as the first member reports it.
  var progress: UInt64 = 0
  /// How many views were agreed on after the first one.
  var viewCount = 0

  mutating func hear(
    _ id: Int, _ report: Report, incarnation: UInt64 = 1, isBlank: Bool = false
  ) {
    sequence += 1
    let ping = Ping(
      report: report, sequence: sequence, incarnation: incarnation, isBlank: isBlank,
      answered: heard[id] ?? 0)
    detector.heard(ping, from: ReplicaID(id), after: machine)
    lease[id] = detector.grant(
      ping, heardAt: detector.ticks, to: ReplicaID(id), after: machine)
    if !deaf.contains(id) { heard[id] = sequence }
  }

  /// Applies a command.
  mutating func apply(_ command: ViewServiceStateMachine.Command) {
    let previous = machine
    _ = machine.apply(command)
    detector.observe(machine, after: previous.view)
  }

  mutating func tick(_ count: Int, hearing present: [Int]) {
    for _ in 0..<count {
      detector.tick()
      for id in present { hear(id, report(of: id)) }
    }
  }

  private func report(of id: Int) -> Report {
    Report(
      view: machine.view.number, joining: machine.view.joining, joinerProgress: progress,
      unreachable: (unreachable[id] ?? []).map { ReplicaID($0) })
  }

  /// The same, but all commands that the leader proposes are agreed on, and every view is
  /// established.
  mutating func live(_ count: Int, hearing present: [Int]) {
    for _ in 0..<count {
      tick(1, hearing: present)
      while let command = next {
        apply(command)
        guard case .propose = command else { continue }
        viewCount += 1
        apply(.markEstablished(machine.view.number))
      }
    }
  }

  var next: ViewServiceStateMachine.Command? {
    mutating get { detector.nextCommand(after: machine) }
  }

  var nextView: View? {
    mutating get {
      if case .propose(let view)? = next { return view }
      return nil
    }
  }
}

/// A leader of the authority in a view of these members, in which no replica has pinged yet.
func scene(
  _ members: [Int]? = nil, joiner: Int? = nil, established: Bool = true, replicas: Int = 3,
  links: MemberLinks = .withFirst
) -> Scene {
  let ids = (0..<replicas).map { ReplicaID($0) }
  var scene = Scene(
    detector: FailureDetector(
      replicas: ids, ping: .milliseconds(40), failureTimeout: .milliseconds(200),
      memberLinks: links))
  guard let members else { return scene }
  let view = View(number: 1, members: members.map { ReplicaID($0) })
  _ = scene.machine.apply(.propose(view))
  if let joiner {
    _ = scene.machine.apply(
      .changeJoiner(view.changingJoiner(to: ReplicaID(joiner), incarnation: 1)))
  }
  if established { _ = scene.machine.apply(.markEstablished(scene.machine.view.number)) }
  return scene
}
