import Primitives
import Testing

/// Counts how many objects exist.
private final class Tally {
  var count = 0
}

private final class Counted {
  let tally: Tally

  init(_ tally: Tally) {
    self.tally = tally
    tally.count += 1
  }

  deinit { tally.count -= 1 }
}

@Suite struct FixedArrayTests {
  @Test("Elements are read and changed in place")
  func elements() {
    var array = FixedArray([3, 1, 2])
    #expect(array.count == 3 && array.indices == 0..<3)
    array[1] += 40
    array[2] = 9
    #expect(array.indices.map { array[$0] } == [3, 41, 9])
    #expect(FixedArray<Int>([]).indices.isEmpty)
  }

  @Test("Elements are released with the array, and replaced ones at once")
  func release() {
    let tally = Tally()
    do {
      var array = FixedArray((0..<5).map { _ in Counted(tally) })
      #expect(tally.count == 5)
      array[2] = array[0]
      #expect(tally.count == 4 && array[2] === array[0])
    }
    #expect(tally.count == 0)
  }

  @Test("A position outside of the array traps", arguments: [-1, 3])
  func bounds(position: Int) async {
    await #expect(processExitsWith: .failure) { [position] in
      _ = FixedArray([1, 2, 3])[position]
    }
  }
}
