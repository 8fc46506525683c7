#pragma once

#include <cstdint>
#include <vector>

#include "nn/data/split.h"

namespace gradus::ssgan {

/// A drawn set. Row i of `pixels` and entry i of `labels` belong together.
struct DigitImages {
  std::vector<uint8_t> pixels;  ///< [count, 32, 32, 3], row-major RGB
  std::vector<int32_t> labels;  ///< [count], 0..9
};

/// The sizes of the default data set.
inline constexpr int64_t kDigitTrainCount = 20000;
inline constexpr int64_t kDigitTestCount = 4000;

/// A closed interval that values are drawn from. `skew` 1 is uniform; above 1 favours `low`.
struct DigitRange {
  float low;
  float high;
  float skew = 1.0f;
};

/// Everything that makes the images easy or hard. Lengths are in pixels unless they say "of the
/// height" (of the digit); brightness runs from 0 to 1; `p_...` are probabilities.
struct DigitLook {
  // Geometry
  DigitRange height{16.0f, 27.0f};
  DigitRange aspect{0.72f, 1.2f};    ///< times the design's width
  DigitRange offset_x{-2.5f, 2.5f};  ///< of the digit's centre from the image's centre
  DigitRange offset_y{-2.5f, 2.5f};
  DigitRange rotation{-0.13f, 0.13f};     ///< radians, of the whole row of digits
  DigitRange slant{-0.08f, 0.26f, 1.5f};  ///< shift to the right per unit of height
  DigitRange warp{0.0f, 0.045f};          ///< of the height, wave that bends the strokes
  DigitRange waist{-0.22f, 0.22f};        ///< moves the middle up or down
  // Strokes
  DigitRange thickness{0.08f, 0.23f, 1.3f};        ///< of the height
  DigitRange thin_horizontals{0.0f, 0.65f, 1.5f};  ///< share of the thickness they lose
  float p_serif = 0.16f;
  float p_round_caps = 0.5f;
  float p_outline = 0.1f;
  float p_drop_shadow = 0.3f;
  float p_boxy = 0.08f;
  // Surroundings
  float p_neighbour = 0.58f;     ///< each side
  DigitRange gap{0.06f, 0.36f};  ///< of the height, between neighbours
  float p_plate = 0.22f;         ///< the digits stand on a plate whose edge may show
  float p_bricks = 0.07f;
  float p_boards = 0.1f;
  float p_clutter = 0.18f;                 ///< a line or bar that crosses the image
  float p_shadow_edge = 0.18f;             ///< half of the image lies in the shade
  DigitRange texture{0.0f, 0.16f, 2.0f};   ///< brightness, smooth blotches
  DigitRange lighting{0.0f, 0.35f, 1.4f};  ///< brightness, gradient across the image
  // Colour
  DigitRange background{0.08f, 0.92f};
  DigitRange contrast{0.15f, 0.72f, 1.3f};  ///< brightness, digit against background
  DigitRange saturation{0.0f, 0.65f, 2.6f};
  float p_same_hue = 0.5f;
  // Camera
  DigitRange blur{0.5f, 2.2f, 1.3f};      ///< standard deviation, at most 3
  DigitRange noise{0.003f, 0.03f, 2.0f};  ///< brightness, standard deviation
};

/// Draws `count` images of the digits 0..9, a stand-in for SVHN's crops: strokes, colours,
/// lighting, neighbours cut off by the border, blur and noise all vary. Labels are uniformly
/// random; the splits of one seed come from disjoint random streams. Image i and its label depend
/// on (seed, split, i, look) only, so a shorter set is a prefix of a longer one, and neither run
/// nor thread count changes a byte (for one build of the program). Runs in parallel under OpenMP. A
/// negative count throws Error.
DigitImages draw_digits(int64_t count, uint64_t seed, Split split,
                        const DigitLook& look = DigitLook());

}  // namespace gradus::ssgan
