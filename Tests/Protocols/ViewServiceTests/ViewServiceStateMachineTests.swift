import ProtocolTesting
import Replication
import Testing
import WireFormat

@testable import ViewService

@Suite struct ViewServiceStateMachineTests {
  private let a = ReplicaID(0)
  private let b = ReplicaID(1)
  private let c = ReplicaID(2)

  @discardableResult
  private func propose(
    _ number: UInt64, _ members: [ReplicaID], joiner: ReplicaID? = nil,
    to machine: inout ViewServiceStateMachine
  ) -> Bool {
    machine.apply(.propose(View(number: number, members: members, joiner: joiner))).isAccepted
  }

  @Test("A view follows only the one before it, so a repeated proposal is harmless")
  func conditional() {
    var machine = ViewServiceStateMachine()
    #expect(propose(1, [a, b, c], to: &machine))
    #expect(!propose(1, [b], to: &machine))
    #expect(!propose(3, [b], to: &machine))
    #expect(machine.view.members == [a, b, c])
  }

  @Test("A view names one incarnation for every member and for the joiner")
  func incarnations() {
    var machine = ViewServiceStateMachine()
    let short = View(number: 1, members: [a, b], incarnations: [1])
    #expect(!machine.apply(.propose(short)).isAccepted)
    let view = View(number: 1, members: [a, b], incarnations: [3, 4])
    #expect(machine.apply(.propose(view)).isAccepted)
    #expect(view.incarnation(of: a) == 3 && view.incarnation(of: b) == 4)
    #expect(view.incarnation(of: c) == nil)
    let next = View(number: 2, members: [b], joiner: c, incarnations: [4, 9])
    #expect(next.incarnation(of: c) == 9 && next.incarnation(of: a) == nil)
  }

  @Test("A view that names an incarnation out of reach is not agreed on, whoever proposes it")
  func incarnationsOutOfReach() {
    var machine = ViewServiceStateMachine()
    for incarnation in [1 << 44 + 1, 1 << 62, .max] as [UInt64] {
      let first = View(number: 1, members: [a, b], incarnations: [1, incarnation])
      #expect(!machine.apply(.propose(first)).isAccepted)
    }
    propose(1, [a, b], to: &machine)
    _ = machine.apply(.markEstablished(1))
    for incarnation in [1 << 44 + 1, .max] as [UInt64] {
      let next = View(number: 2, members: [a, b], incarnations: [1, incarnation])
      #expect(!machine.apply(.propose(next)).isAccepted)
      let joiner = machine.view.changingJoiner(to: c, incarnation: incarnation)
      #expect(!machine.apply(.changeJoiner(joiner)).isAccepted)
    }
    let next = View(number: 2, members: [a, b], incarnations: [1, 1 << 44])
    #expect(machine.apply(.propose(next)).isAccepted)
    #expect(
      machine.apply(.changeJoiner(machine.view.changingJoiner(to: c, incarnation: 5))).isAccepted)
  }

  @Test("A state of another node of the authority counts only if it can follow the own one")
  func statesOutOfReach() throws {
    var own = ViewServiceStateMachine()
    propose(1, [a, b], to: &own)
    func restored(_ view: View) throws -> ViewServiceStateMachine {
      var writer = WireWriter()
      view.encode(into: &writer)
      writer.write(true)
      [a].encode(into: &writer)
      writer.write(UInt64(0))
      writer.write(UInt64(0))
      return try ViewServiceStateMachine(restoring: writer.bytes())
    }
    var view = View(number: 1 + longestEpochJump, members: [a, b], incarnations: [7, 1])
    #expect(try restored(view).isPossible(after: own))
    view.joining = longestEpochJump
    #expect(try restored(view).isPossible(after: own))
    view.joining += 1
    #expect(try !restored(view).isPossible(after: own))
    view.joining = 0
    view.incarnations[1] = .max
    #expect(try !restored(view).isPossible(after: own))
    view.incarnations[1] = 1
    view.number = .max
    #expect(try !restored(view).isPossible(after: own))
  }

  @Test("All replicas are eligible in the first view, and in a view that was established")
  func eligibility() {
    var machine = ViewServiceStateMachine()
    propose(1, [a, b], to: &machine)
    #expect(machine.eligible == [a, b])
    #expect(machine.apply(.markEstablished(1)).isAccepted)
    #expect(propose(2, [a, b], joiner: c, to: &machine))
    #expect(!machine.apply(.markEstablished(1)).isAccepted)
    _ = machine.apply(.markEstablished(2))
    #expect(propose(3, [a, b, c], to: &machine))
    #expect(machine.eligible == [a, b])
    _ = machine.apply(.markEstablished(3))
    #expect(machine.eligible == [a, b, c])
  }

  @Test("No replica that may lack acknowledged data becomes first; without the rule, one does")
  func promotion() {
    for bug in [nil, ViewServiceBug.promoteUnestablished] {
      var machine = ViewServiceStateMachine()
      machine.bug = bug
      propose(1, [a], to: &machine)
      _ = machine.apply(.markEstablished(1))
      propose(2, [a], joiner: b, to: &machine)
      _ = machine.apply(.markEstablished(2))
      propose(3, [a, b], to: &machine)
      // View 3 was not established: b may lack entries.
      #expect(propose(4, [b], to: &machine) == (bug != nil))
    }
  }

  @Test("A replica becomes a member only as the joiner of an established view")
  func joining() {
    var machine = ViewServiceStateMachine()
    propose(1, [a, b], to: &machine)
    #expect(!propose(2, [a, b, c], to: &machine))
    #expect(propose(2, [a, b], joiner: c, to: &machine))
    #expect(!propose(3, [a, b, c], to: &machine))
    _ = machine.apply(.markEstablished(2))
    #expect(propose(3, [a, b, c], to: &machine))
  }

  @Test("Views without members, with doubled members or with a member as joiner are refused")
  func nonsense() {
    var machine = ViewServiceStateMachine()
    #expect(!propose(1, [], to: &machine))
    #expect(!propose(1, [a, a], to: &machine))
    #expect(!propose(1, [a], joiner: a, to: &machine))
    // The first view has no joiner, and no view has changed its joiner before it began.
    #expect(!propose(1, [a], joiner: b, to: &machine))
    #expect(
      !machine.apply(.propose(View(number: 1, members: [a], joining: 1))).isAccepted)
    propose(1, [a, b], to: &machine)
    _ = machine.apply(.markEstablished(1))
    #expect(!propose(2, [a, b], joiner: b, to: &machine))
    #expect(!propose(2, [a, b, c], to: &machine))
    #expect(machine.view.number == 1)
  }

  @Test("A change of the joiner follows only the one before it, and leaves the view as it is")
  func joinerAlone() {
    var machine = ViewServiceStateMachine()
    let first = View(number: 1, members: [a, b])
    let joined = first.changingJoiner(to: c, incarnation: 4)
    #expect(!machine.apply(.changeJoiner(joined)).isAccepted)
    propose(1, [a, b], to: &machine)
    _ = machine.apply(.markEstablished(1))
    #expect(
      !machine.apply(.changeJoiner(first.changingJoiner(to: a, incarnation: 1))).isAccepted)
    var other = joined
    other.members = [b, a]
    #expect(!machine.apply(.changeJoiner(other)).isAccepted)
    other = joined
    other.joining = 2
    #expect(!machine.apply(.changeJoiner(other)).isAccepted)
    #expect(machine.apply(.changeJoiner(joined)).isAccepted)
    #expect(!machine.apply(.changeJoiner(joined)).isAccepted)
    #expect(machine.view == joined)
    #expect(machine.isEstablished)
    #expect(propose(2, [a, b, c], to: &machine))
    #expect(machine.view.joining == 0)
  }

  @Test("The authority never waits for less than what leases may have been granted until then")
  func leaseLength() {
    var machine = ViewServiceStateMachine()
    let short = Interval.milliseconds(200)
    let long = Interval.milliseconds(400)
    #expect(machine.apply(.setLease(granted: long, patience: long)).isAccepted)
    #expect(!machine.apply(.setLease(granted: short, patience: short)).isAccepted)
    #expect(machine.apply(.setLease(granted: short, patience: long)).isAccepted)
    #expect(!machine.apply(.setLease(granted: long, patience: short)).isAccepted)
    #expect(machine.apply(.setLease(granted: short, patience: short)).isAccepted)
    #expect(machine.patience == short)
  }

  @Test("A snapshot brings the whole state back")
  func snapshot() throws {
    var machine = ViewServiceStateMachine()
    propose(1, [a, b], to: &machine)
    _ = machine.apply(.markEstablished(1))
    propose(2, [b], joiner: c, to: &machine)
    _ = machine.apply(.setLease(granted: .milliseconds(300), patience: .milliseconds(400)))
    let copy = try ViewServiceStateMachine(restoring: machine.snapshot())
    #expect(copy.view == machine.view)
    #expect(copy.eligible == [b])
    #expect(copy.granted == .milliseconds(300) && copy.patience == .milliseconds(400))
    #expect(copy.snapshot() == machine.snapshot())
  }
}
