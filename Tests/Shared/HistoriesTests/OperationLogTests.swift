import Testing

@testable import Histories

@Suite("Operation log")
struct OperationLogTests {
  private static func operation(_ number: Int) -> Operation {
    Operation(client: UInt32(number), kind: .get, key: 0, invoked: Int64(number), returned: .max)
  }

  @Test(
    "Operations stay where they are noted, and can be changed there, over the ends of pieces",
    arguments: [
      0, 1, OperationLog.pieceCount - 1, OperationLog.pieceCount, OperationLog.pieceCount + 1,
      3 * OperationLog.pieceCount + 5,
    ])
  func pieces(count: Int) {
    var log = OperationLog()
    var expected: [Operation] = []
    for number in 0..<count {
      #expect(log.count == number)
      log.append(OperationLogTests.operation(number))
      expected.append(OperationLogTests.operation(number))
      // The client that asked some time ago is answered.
      let answered = max(0, number - 200)
      log[answered].returned = Int64(number)
      expected[answered].returned = Int64(number)
    }
    #expect(log.count == count)
    #expect((0..<count).allSatisfy { log[$0] == expected[$0] })
    #expect(log.operations == expected)
    #expect(log.takeOperations() == expected)
    #expect(log.count == 0 && log.operations.isEmpty)
    log.append(OperationLogTests.operation(7))
    #expect(log.operations == [OperationLogTests.operation(7)])
  }
}

@Suite("Value digests")
struct ValueDigestTests {
  @Test("A value put together and taken apart again is the same")
  func removing() {
    let front = ValueDigest(Array(0..<40))
    for count in [0, 1, 7, 8, 9, 200] {
      let end = ValueDigest(Array(repeating: 7, count: count))
      let whole = front.appending(end)
      #expect(whole == ValueDigest(Array(0..<40) + Array(repeating: 7, count: count)))
      #expect(whole.removing(end: end) == front)
    }
  }
}
