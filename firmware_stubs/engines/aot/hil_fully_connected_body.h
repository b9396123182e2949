/* FULLY_CONNECTED for one variant, HIL_VARIANT: one row of the input.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
static inline void HIL_NAME(one_row)(const HIL_NAME(hil_stage) *stage,
                                     const HIL_NAME(hil_weight) *w, int32_t depth, int32_t channels,
                                     HIL_NAME(hil_sum) offset, const HIL_NAME(hil_element) *input,
                                     HIL_NAME(hil_output) *output)
{
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4, w += 4 * depth) {
        HIL_NAME(hil_sum) sums[4];
        HIL_NAME(hil_dot_1x4)(input, w, depth, sums);
        for (int32_t i = 0; i < 4; i++) {
            output[c + i] = HIL_NAME(hil_finish)(stage, c + i, sums[i] + offset);
        }
    }
    for (; c < channels; c++, w += depth) {
        const HIL_NAME(hil_sum) sum = HIL_NAME(hil_dot_1x1)(input, w, depth);
        output[c] = HIL_NAME(hil_finish)(stage, c, sum + offset);
    }
}

#ifndef HIL_QUANTIZES_INPUT
#define HIL_FULLY_CONNECTED_PARAMS HIL_JOIN(HIL_NAME(hil_fully_connected), params)

static HIL_NAME(hil_sum) HIL_NAME(sum_of)(const HIL_NAME(hil_element) *x, int32_t n)
{
    HIL_NAME(hil_sum) sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

void HIL_NAME(hil_fully_connected)(const HIL_FULLY_CONNECTED_PARAMS *p,
                                   const HIL_NAME(hil_element) *input, HIL_NAME(hil_output) *output)
{
    const int32_t depth = p->in_features;
    const int32_t channels = p->out_features;
    for (int32_t r = 0; r < p->rows; r++, input += depth, output += channels) {
        /* The part of (w - weights_zero_point) * x that depends on the input alone. */
        const HIL_NAME(hil_sum) offset =
            p->weights_zero_point ? -p->weights_zero_point * HIL_NAME(sum_of)(input, depth) : 0;
        HIL_NAME(one_row)(&p->stage, p->weights, depth, channels, offset, input, output);
        HIL_NAME(hil_limit)(&p->stage, output, channels);
    }
}
#undef HIL_FULLY_CONNECTED_PARAMS
#undef HIL_VARIANT
#endif
