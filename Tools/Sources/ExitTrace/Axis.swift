// SPDX-License-Identifier: Apache-2.0

/// Times to columns of the picture, with round times as marks.
struct Axis {
  let left: Double
  let width: Double
  let length: Double
  let marks: [Double]

  init(left: Double, width: Double, length: Double) {
    self.left = left
    self.width = width
    self.length = max(length, 0.001)
    let step = Self.step(for: self.length / 6)
    marks = Array(stride(from: 0, through: self.length * 1.000001, by: step))
  }

  func x(_ time: Double) -> Double { left + min(max(time / length, 0), 1) * width }

  /// The next of 1, 2, 5, 10, 20, 50 and so on.
  static func step(for least: Double) -> Double {
    var power = 0.001
    while power * 10 < least { power *= 10 }
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= least } ?? least
  }
}
