import Replication
import StateMachines
import Testing
import WireFormat

@Suite struct SmallStateMachineTests {
  @Test("A counter adds, wraps around, and returns the value after the command")
  func counter() throws {
    var counter = Counter()
    #expect(counter.apply(.add(3)) == 3 && counter.apply(.add(.max)) == 2)
    #expect(counter.apply(.read) == 2 && counter.query(.read) == 2)
    #expect(Counter.isReadOnly(.read) && !Counter.isReadOnly(.add(0)))
    #expect(try Counter(restoring: counter.snapshot()).value == 2)
    #expect(throws: WireError.self) { try Counter(restoring: counter.snapshot() + [0]) }
    try roundTrip(Counter.Command.add(1 << 40))
    try roundTrip(Counter.Command.read)
    #expect(throws: WireError.self) { try WireReader.decode(Counter.Command.self, from: [2]) }
  }

  @Test("A register swaps only the expected value, and returns its value")
  func register() throws {
    var register = Register()
    #expect(register.apply(.read) == .init(value: 0, succeeded: true))
    #expect(register.apply(.write(4)) == .init(value: 4, succeeded: true))
    #expect(
      register.apply(.compareAndSwap(expected: 3, value: 5)) == .init(value: 4, succeeded: false))
    #expect(
      register.apply(.compareAndSwap(expected: 4, value: 5)) == .init(value: 5, succeeded: true))
    #expect(register.query(.read).value == 5)
    #expect(try Register(restoring: register.snapshot()).value == 5)
    #expect(Register.isReadOnly(.read) && !Register.isReadOnly(.write(0)))
    for command: Register.Command in [.read, .write(8), .compareAndSwap(expected: 1, value: 2)] {
      try roundTrip(command)
    }
    try roundTrip(Register.Response(value: 3, succeeded: false))
    #expect(throws: WireError.self) { try WireReader.decode(Register.Command.self, from: [3]) }
  }
}
